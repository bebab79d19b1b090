package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// block is what a small file takes on a disk, about. An entry has a file in native and one in index.
const block = 4096

// onDisk is what an entry with so much code takes.
func onDisk(code int64) int64 { return (code+block-1)/block*block + block }

// kept is an entry of the index, as the pruner sees it.
type kept struct {
	name string // of its file in index
	entry
	size int64
	used time.Time
}

// survey lists the entries of the index, and files in native that none names. What cannot be read is left out: it is no
// entry for has either.
func (d *disk) survey() (entries []kept, orphans []string, err error) {
	names, err := os.ReadDir(d.index)
	if err != nil {
		return nil, nil, err
	}
	named := map[string]bool{}
	for _, f := range names {
		info, err := f.Info()
		if err != nil {
			continue
		}
		k := kept{name: f.Name(), used: info.ModTime(), size: onDisk(0)}
		if e, ok := readEntry(filepath.Join(d.index, f.Name())); ok {
			k.entry = e
			named[e.File] = true
			if s, err := os.Stat(filepath.Join(d.native, e.File)); err == nil {
				k.size = onDisk(s.Size())
			}
		}
		entries = append(entries, k)
	}
	err = filepath.WalkDir(d.native, func(path string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		if rel, err := filepath.Rel(d.native, path); err == nil && !named[rel] {
			orphans = append(orphans, path)
		}
		return nil
	})
	return entries, orphans, err
}

// prune deletes what was prepared, whatever no entry names, and the entries that were not used for longest until what is left takes
// at most three quarters of most. Entries whose key is needed stay. It does nothing while another process uses the folder, since that may
// be about to load what would be deleted.
//
// Preconditions: nobody in this process compiles or loads.
func (d *disk) prune(most int64, needed func(name string) bool) error {
	alone, err := share(d.lock)
	if err != nil || !alone {
		return err
	}
	entries, orphans, err := d.survey()
	if err != nil {
		return errors.Join(err, settle(d.lock))
	}
	slices.SortFunc(entries, func(a, b kept) int { return a.used.Compare(b.used) })
	d.size = 0
	for _, k := range entries {
		d.size += k.size
	}
	var errs []error
	remove := func(path string) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	for _, path := range orphans {
		remove(path)
	}
	errs = append(errs, d.prunePrepared())
	for _, k := range entries {
		if d.size <= most/4*3 {
			break
		}
		if needed(k.name) {
			continue
		}
		remove(filepath.Join(d.index, k.name)) // first, or it would name what is gone
		if k.File != "" {
			remove(filepath.Join(d.native, k.File))
		}
		d.size -= k.size
	}
	return errors.Join(append(errs, settle(d.lock))...)
}
