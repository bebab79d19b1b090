package main

import (
	"fmt"
	"io"
	"os"
)

// Where the derived files stand, seen from the folder of package config.
const (
	schemaFile    = "schema.json"
	referenceFile = "../docs/configuration.md"
)

func main() { os.Exit(run(".", os.Stderr)) }

// run writes both files. dir is the folder of package config.
func run(dir string, stderr io.Writer) int {
	texts, err := comments(dir)
	if err != nil {
		fmt.Fprintln(stderr, "gen: error:", err)
		return 1
	}
	schema, err := schemaJSON(texts)
	if err != nil {
		fmt.Fprintln(stderr, "gen: error:", err)
		return 1
	}
	for file, content := range map[string][]byte{schemaFile: schema, referenceFile: reference(texts)} {
		if err := os.WriteFile(dir+"/"+file, content, 0o644); err != nil {
			fmt.Fprintln(stderr, "gen: error:", err)
			return 1
		}
	}
	return 0
}
