package config

import (
	"os"
	"strings"
	"testing"
)

// The configuration that the README shows is one that the node takes.
func TestReadmeSample(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml wedge.yaml\n")
	if len(blocks) < 2 {
		t.Fatal("the README shows no configuration")
	}
	for _, b := range blocks[1:] {
		sample, _, _ := strings.Cut(b, "```")
		if _, err := Parse("README.md", []byte(sample)); err != nil {
			t.Errorf("%v\n%s", err, sample)
		}
	}
}
