// Package live shows what happens on a node while a function is being written: a line for each exchange, below it what the
// function logged and, if it failed, where in its source. It is text for people, or a JSON object a line for programs.
//
// Nothing here holds up a request: what comes faster than it can be shown is counted, and the counts are shown. The command
// wedge dev calls it.
package live
