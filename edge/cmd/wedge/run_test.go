package main

import (
	"io"
	"strings"
	"testing"
)

// The scripts see that a command fails; which of the two failures it is stands here.
func TestExitCodes(t *testing.T) {
	f := func(want int, args ...string) {
		t.Helper()
		if got := run(args, strings.NewReader(""), io.Discard, io.Discard); got != want {
			t.Errorf("wedge %q: exit code %d, want %d", args, got, want)
		}
	}
	f(exitUsage)
	f(exitOK, "--help")
	f(exitOK, "-h")
	f(exitOK, "version")
	f(exitOK, "version", "--json")
	f(exitOK, "version", "--help")
	f(exitUsage, "vresion")
	f(exitUsage, "version", "--jsn")
	f(exitUsage, "version", "now")
	f(exitUsage, "--help=maybe")
	f(exitUsage, "")
}
