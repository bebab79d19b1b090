// Package proc says what a tree of processes has used, starts processes on processors of their own, and names the machine.
//
// The suite and the soak call it. It reads /proc and the clocks of other processes, so it works on Linux only.
package proc
