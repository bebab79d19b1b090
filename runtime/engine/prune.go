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
	code *content // nil if it is not there
	used time.Time
}

// content is code on the disk. It may have several names, and each name several entries; see adoptKin.
type content struct {
	info    fs.FileInfo
	entries int
}

// size is what it takes beside its entries.
func (c *content) size() int64 { return onDisk(c.info.Size()) - block }

// survey lists the entries of the index, how many there are of each file that they name, files in native that none names, and what
// all entries take. What cannot be read is left out: it is no entry for has either.
func (d *disk) survey() (entries []kept, named map[string]int, orphans []string, size int64, err error) {
	names, err := os.ReadDir(d.index)
	if err != nil {
		return nil, nil, nil, 0, err
	}
	named = map[string]int{}
	bySum := map[string][]*content{} // one for each name only where a file cannot have several
	for _, f := range names {
		info, err := f.Info()
		if err != nil {
			continue
		}
		k := kept{name: f.Name(), used: info.ModTime()}
		size += onDisk(0)
		if e, ok := readEntry(filepath.Join(d.index, f.Name())); ok {
			k.entry = e
			named[e.File]++
			if s, err := os.Stat(filepath.Join(d.native, e.File)); err == nil {
				i := slices.IndexFunc(bySum[e.Sum], func(c *content) bool { return os.SameFile(c.info, s) })
				if i < 0 {
					i = len(bySum[e.Sum])
					bySum[e.Sum] = append(bySum[e.Sum], &content{info: s})
					size += bySum[e.Sum][i].size()
				}
				k.code = bySum[e.Sum][i]
				k.code.entries++
			}
		}
		entries = append(entries, k)
	}
	err = filepath.WalkDir(d.native, func(path string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		if rel, err := filepath.Rel(d.native, path); err == nil && named[rel] == 0 {
			orphans = append(orphans, path)
		}
		return nil
	})
	return entries, named, orphans, size, err
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
	entries, named, orphans, size, err := d.survey()
	if err != nil {
		return errors.Join(err, settle(d.lock))
	}
	slices.SortFunc(entries, func(a, b kept) int { return a.used.Compare(b.used) })
	d.size = size
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
		remove(filepath.Join(d.index, k.name))                   // first, or it would name what is gone
		if named[k.File]--; k.File != "" && named[k.File] == 0 { // else it is another's as well
			remove(filepath.Join(d.native, k.File))
		}
		d.size -= onDisk(0)
		if k.code != nil {
			if k.code.entries--; k.code.entries == 0 {
				d.size -= k.code.size()
			}
		}
	}
	return errors.Join(append(errs, settle(d.lock))...)
}
