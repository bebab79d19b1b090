// Package fastlytoml reads what a project for Fastly Compute says of the world around it while it is being written: the
// table local_server of its fastly.toml, and the files that it names.
//
// It knows no node and no configuration of one: the command line makes these of what is read. What the table has that
// Wedge has nothing for is told in File.Notes.
package fastlytoml
