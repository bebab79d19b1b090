package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
)

// The process that tests gets nothing of the node's environment, where secrets of functions may stand.
func TestChildTesterEnvironment(t *testing.T) {
	t.Setenv("WEDGE_TEST_SECRET", "correct horse")
	self := filepath.Join(t.TempDir(), "self")
	script := `#!/bin/sh
printf '{"cases":[{"file":"case-a","ok":true,"difference":"%s"}]}' "$WEDGE_TEST_SECRET"
`
	if err := os.WriteFile(self, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := childTester(self)(t.Context(), "f", []byte("module"), []admin.Case{{Name: "a", Text: "text"}})
	if err != nil || len(got) != 1 || got[0].Name != "a" || !got[0].OK {
		t.Fatalf("%+v, %v", got, err)
	}
	if got[0].Difference != "" {
		t.Errorf("the environment of the process has the secret: %q", got[0].Difference)
	}
}
