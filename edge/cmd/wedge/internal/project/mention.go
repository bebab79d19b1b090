package project

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// maxSource bounds what is read of a file, maxSources how many files are read.
const maxSource, maxSources = 1 << 20, 1000

// sources are the files that a language's authors write.
var sources = map[Language]string{Go: ".go", Rust: ".rs", AssemblyScript: ".ts", C: ".c .h", JavaScript: ".js .mjs", TypeScript: ".ts .js"}

// Mention finds where the project's own source has the first of words that it has as a whole word: as FILE:LINE, "" if it has none of them. What the
// project has of others, its SDK and its packages, does not count.
func (p *Project) Mention(words ...string) string {
	type text struct{ name, body string }
	var texts []text
	filepath.WalkDir(p.Dir, func(name string, d fs.DirEntry, err error) error {
		base := filepath.Base(name)
		rel, _ := filepath.Rel(p.Dir, name)
		switch {
		case err != nil:
			return nil // what cannot be read mentions nothing
		case d.IsDir() && name != p.Dir && (filepath.ToSlash(rel) == sdkFolder || base == "node_modules" || base == "target" || strings.HasPrefix(base, ".")):
			return fs.SkipDir
		case len(texts) == maxSources:
			return fs.SkipAll
		case d.Type().IsRegular() && filepath.Ext(base) != "" && strings.Contains(sources[p.Language]+" ", filepath.Ext(base)+" "):
			if info, err := d.Info(); err != nil || info.Size() > maxSource {
				return nil
			}
			if body, err := os.ReadFile(name); err == nil {
				texts = append(texts, text{filepath.ToSlash(rel), string(body)})
			}
		}
		return nil
	})
	for _, word := range words {
		whole, err := regexp.Compile(`(^|\W)` + regexp.QuoteMeta(word) + `(\W|$)`)
		if err != nil || word == "" {
			continue
		}
		for _, t := range texts {
			n := 0
			for line := range strings.Lines(t.body) {
				if n++; whole.MatchString(strings.TrimRight(line, "\r\n")) {
					return fmt.Sprintf("%s:%d", t.name, n)
				}
			}
		}
	}
	return ""
}
