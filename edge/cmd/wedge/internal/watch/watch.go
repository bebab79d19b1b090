package watch

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say how to look. Zero values are defaults.
type Options struct {
	// Every is the time between two looks. Default 100 ms.
	Every time.Duration
	// Files is how many files are looked at; what is beyond is not seen. Default 10 000.
	Files int
}

// Watcher looks at one folder. It belongs to one goroutine.
type Watcher struct {
	dir  string
	o    Options
	seen snapshot
	// Partial tells that the folder has more files than are looked at.
	Partial bool
}

// stamp is what a file looks like from outside.
type stamp struct {
	size    int64
	changed time.Time
}

// snapshot has the files by name, relative to the folder and with slashes.
type snapshot map[string]stamp

// rest is how long nobody looks after a look, in units of how long that took: a folder on a slow disk must not keep a
// processor busy.
const rest = 20

// New begins to watch a folder: what is there now is what later looks are compared with.
func New(dir string, o Options) *Watcher {
	if o.Every <= 0 {
		o.Every = 100 * time.Millisecond
	}
	if o.Files <= 0 {
		o.Files = 10_000
	}
	w := &Watcher{dir: dir, o: o}
	w.seen = w.look()
	return w
}

// Wait returns when files have changed since the last Wait, or since New, and have then stayed as they are for one look: an
// editor that writes a file in two steps is waited for. It returns their names, sorted and relative to the folder, or nil
// when ctx has ended.
func (w *Watcher) Wait(ctx context.Context) (changed []string) {
	before := w.seen
	for {
		began := time.Now()
		now := w.look()
		if settled := maps.Equal(now, before); settled && !maps.Equal(now, w.seen) {
			changed = difference(w.seen, now)
			w.seen = now
			return changed
		}
		before = now
		timer := time.NewTimer(max(w.o.Every, rest*time.Since(began)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Ignored tells whether a file or folder is none of the author's: hidden ones and what editors leave behind, what compilers
// make, what package managers fetch, what a node that was started there keeps.
func Ignored(name string, folder bool) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") {
		return true
	}
	if folder {
		return name == "node_modules" || name == "target" || name == "build" || name == "wedge-data"
	}
	switch filepath.Ext(name) {
	case ".wasm", ".wat", ".o", ".swp", ".swx", ".tmp":
		return true
	}
	return name == "4913" // vim tries with this name whether it can write
}

func (w *Watcher) look() snapshot {
	s := snapshot{}
	w.Partial = false
	filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone since it was listed, or not ours to read: what cannot be seen has not changed
		}
		if path == w.dir {
			return nil
		}
		if Ignored(d.Name(), d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if len(s) >= w.o.Files {
			w.Partial = true
			return fs.SkipAll
		}
		info, err := os.Stat(path) // of what a link leads to
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		name, err := filepath.Rel(w.dir, path)
		if err != nil {
			return nil
		}
		s[filepath.ToSlash(name)] = stamp{info.Size(), info.ModTime()}
		return nil
	})
	return s
}

// difference has the names of what is new, other or gone.
func difference(old, now snapshot) (names []string) {
	for name, s := range now {
		if was, ok := old[name]; !ok || was != s {
			names = append(names, name)
		}
	}
	for name := range old {
		if _, ok := now[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
