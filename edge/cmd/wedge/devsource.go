package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/watch"
)

// Bounds of the source that is kept of a version, to be shown where it fails.
const (
	maxSource    = 1 << 20 // of a file, in bytes
	maxSources   = 4 << 20 // of all files
	sourcesOf    = 4       // versions
	maxFileNames = 2000    // that are looked at
)

// A sourceTree has the text of a project's files by their names in its folder, with slashes.
type sourceTree map[string]string

// sources are those of the versions that came last: what is on the disk may be newer than what runs, and its lines would be others. A view asks while
// versions come.
//
// mu guards last.
type sources struct {
	dir string

	mu   sync.Mutex
	last []versionSource
}

type versionSource struct {
	version string
	tree    sourceTree
}

// add remembers of what a version was built; built again of other text, as a comment has changed, it fails where that text says.
func (s *sources) add(version string, tree sourceTree) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = slices.DeleteFunc(s.last, func(v versionSource) bool { return v.version == version })
	s.last = append(s.last, versionSource{version, tree})
	s.last = s.last[max(0, len(s.last)-sourcesOf):]
}

// lines finds the lines of a file that a compiler names in its tables: as it is, or below the name of a module or a package. It satisfies
// live.Options.Source.
func (s *sources) lines(version, file string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.last, func(v versionSource) bool { return v.version == version })
	abs, err := filepath.Abs(s.dir)
	if i < 0 || err != nil {
		return nil
	}
	if rel, err := filepath.Rel(abs, file); filepath.IsAbs(file) && err == nil {
		file = rel
	}
	for parts := strings.Split(filepath.ToSlash(file), "/"); len(parts) > 0; parts = parts[1:] {
		if text, ok := s.last[i].tree[strings.Join(parts, "/")]; ok {
			return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
		}
	}
	return nil
}

// readSource reads the files of a project. One that cannot be read, or is too long, is not there: it is not shown.
func readSource(dir string) sourceTree {
	tree, names, size := sourceTree{}, 0, 0
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return nil
		}
		if watch.Ignored(d.Name(), d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if names++; names > maxFileNames {
			return fs.SkipAll
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxSource+1))
		if err != nil || len(text) > maxSource || size+len(text) > maxSources {
			return nil
		}
		size += len(text)
		tree[filepath.ToSlash(rel)] = string(text)
		return nil
	})
	return tree
}
