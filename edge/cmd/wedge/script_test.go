package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the command: a script that says "wedge" starts this very binary again.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"wedge": main})
}

// TestScript runs testdata/script: each file plays one part of the command line, each block says what it guards.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
