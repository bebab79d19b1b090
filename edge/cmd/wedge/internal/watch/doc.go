// Package watch tells when the files of a project have changed.
//
// It looks at names, sizes and times of change, again and again: that works on every system and every file system, those
// of containers and shared folders included, and a project has few enough files for it to cost nothing. It reads no
// contents and knows no compilers. The commands wedge dev and wedge function test --watch call it.
package watch
