//go:build !wasip1

package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadme holds that what the README shows is what is compiled and tested here.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for i, block := range strings.Split(string(readme), "```") {
		fence, code, _ := strings.Cut(block, "\n")
		file, ok := strings.CutPrefix(fence, "go ")
		if i%2 == 0 || !ok {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(text), "package main")
		_, got, _ := strings.Cut(code, "package main")
		if shown++; got != want {
			t.Errorf("the README shows another %s:\n%s", file, got)
		}
	}
	if shown != 2 {
		t.Errorf("the README shows %d programs, want the function and its test", shown)
	}
}
