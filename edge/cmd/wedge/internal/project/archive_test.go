package project

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write sdk.txtar and golden files anew")

// What the binary carries is what is in sdk/.
func TestArchiveIsCurrent(t *testing.T) {
	files, err := collect(os.DirFS("../../../../../sdk"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d files", len(files))
	}
	for _, f := range files {
		if !strings.HasSuffix(f.text, "\n") {
			t.Errorf("sdk/%s does not end with a line end", f.name)
		}
		for line := range strings.Lines(f.text) {
			if _, ok := marker(line); ok {
				t.Errorf("sdk/%s has the line %q, which an archive takes for the name of a file", f.name, line)
			}
		}
	}
	if got := pack(files); got != archived {
		if !*rewrite {
			t.Fatal("sdk.txtar differs from sdk/: go test ./edge/cmd/wedge/internal/project -run Archive -rewrite")
		}
		if err := os.WriteFile("sdk.txtar", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !slices.Equal(unpack(archived), files) {
		t.Error("unpacked it is another")
	}
}
