package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataFolderIsHeldByOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	d, err := openData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openData(dir); err == nil || !strings.Contains(err.Error(), "in use by process ") {
		t.Errorf("a second node: %v", err)
	}
	d.close()
	d, err = openData(dir)
	if err != nil {
		t.Fatalf("after the first has closed: %v", err)
	}
	d.close()
}

func TestDataFolderFormat(t *testing.T) {
	f := func(format, want string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "format"), []byte(format), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := openData(dir)
		if err == nil {
			d.close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("format %q: %v, want %q", format, err, want)
		}
	}
	f("1\n", "")
	f("2\n", "has format 2")
	f("x", "no version")
	f("", "no version")
	f("-1", "no version")
}
