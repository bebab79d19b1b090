// Package mock is an origin for functions that are being written: it tells what it was asked, as a page, as JSON or as plain
// text, and answers as the URL wants it to. A folder of files can stand in its place. It listens on nothing; the command
// wedge dev does.
package mock
