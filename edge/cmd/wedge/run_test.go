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
	f(exitUsage, "kv")
	f(exitUsage, "kv", "get", "store")
	f(exitUsage, "cache", "purge")
	f(exitUsage, "cache", "purge", "--all", "--node", "127.0.0.1:1")
	f(exitUsage, "status", "--node", "http://a/b")
	f(exitUsage, "function", "activate", "auth", "0123")
	f(exitFailed, "status", "--node", "127.0.0.1:1")
	f(exitFailed, "status", "--token-file", "absent")
	f(exitFailed, "check", "--config", "absent.yaml")
	f(exitFailed, "check", "--config", "absent.yaml", "--json")
	f(exitOK, "check", "--config", "-")
	f(exitOK, "completion", "zsh")
	f(exitUsage, "completion", "csh")
}
