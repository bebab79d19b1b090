// Package proc says what a tree of processes has used, and starts processes on processors of their own.
//
// The suite calls it. It reads /proc and the clocks of other processes, so it works on Linux only.
package proc
