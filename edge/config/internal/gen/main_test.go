package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

const packageDir = "../.."

func TestDerivedFilesAreUpToDate(t *testing.T) {
	texts, err := comments(packageDir)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := schemaJSON(texts)
	if err != nil {
		t.Fatal(err)
	}
	f := func(file string, want []byte) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(packageDir, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the types say: run go generate ./edge/config", file)
		}
	}
	f(schemaFile, schema)
	f(referenceFile, reference(texts))
	if !bytes.Equal(config.Schema(), schema) {
		t.Error("the embedded schema is another one")
	}
}

// TestReferenceNamesEveryField looks for a row for each field under its own heading.
func TestReferenceNamesEveryField(t *testing.T) {
	texts, err := comments(packageDir)
	if err != nil {
		t.Fatal(err)
	}
	page := string(reference(texts))
	types := map[string]reflect.Type{}
	structs(reflect.TypeFor[config.Config](), types)
	if len(types) < 15 {
		t.Fatalf("only %d types are reached", len(types))
	}
	for name, typ := range types {
		if typ == reflect.TypeFor[config.Binding]() {
			continue // described by reference to functions[]
		}
		for _, f := range field.Of(typ) {
			if row := "| `" + f.Name + "` | "; !strings.Contains(page, row) || !strings.Contains(page, texts.of(f.Owner, f.GoName)) {
				t.Errorf("no row for %s.%s", name, f.Name)
			}
		}
	}
}

func TestRunWritesBothFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	if err := os.CopyFS(dir, os.DirFS(packageDir)); err != nil {
		t.Fatal(err)
	}
	if code := run(dir, io.Discard); code == 0 {
		t.Error("there is no folder for the page, and run says nothing")
	}
	if err := os.Mkdir(filepath.Join(dir, "../docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if code := run(dir, io.Discard); code != 0 {
		t.Errorf("run returns %d", code)
	}
	for _, file := range []string{schemaFile, referenceFile} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s was not written: %v", file, err)
		}
	}
}
