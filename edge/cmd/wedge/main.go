// Command wedge is the node and its command line in one binary.
//
// It parses arguments, finds the node or the file they speak of, and prints answers: the answer itself on
// stdout, everything else on stderr, so that a script can read the one and a person the other. What a command
// does is done by the packages that it calls; here are only words, exit codes and wiring.
//
// One file holds one command, or a few that belong together. To add one: a struct with a Run(*command) error method, and a field in cli.
package main

//go:generate go test -run ^TestReference$ -rewrite .

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
