package journal

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// Options say where a journal is.
type Options struct {
	FS vfs.FS
	// Layout says how responses are written to disk. One that differs makes
	// what is there unreadable: the journal begins anew, with other secrets.
	Layout [16]byte
	// Entries is how many purges are remembered one by one; 0 means 100 000.
	Entries int
}

// A Journal is open for appending. It is safe for concurrent use.
//
// mu guards what waits to be written. Whoever finds nobody writing writes for
// all who wait; file, size and entries belong to the writer.
//
// INVARIANT: the first size bytes of the file are whole entries, and every entry
// whose Append returned without an error is among them, or was covered by
// another that is.
type Journal struct {
	o      Options
	header header

	mu      sync.Mutex
	waiting *batch // what the next write takes; nil if nothing
	writing bool
	idle    sync.Cond // writing has become false
	closed  bool

	file    vfs.File
	size    int64
	entries int
}

// A batch is what one write and one sync bring to disk.
type batch struct {
	bytes []byte
	size  atomic.Int64 // len(bytes)
	count int
	done  chan struct{}
	err   error // read after done
}

// fileName is the file in its folder.
const fileName = "purges"

// maxFile bounds what is read at a start.
const maxFile = 1 << 30

// epochBits is how many bits of a purge's number count within one start.
const epochBits = 40

// ErrClosed is the error of an Append after Close.
var ErrClosed = errors.New("journal: it is closed")

// Open reads what is there and returns the purges in the order of their
// numbers. Without a file, or with one of another layout, it begins anew. What
// stands behind a torn entry was never answered, and goes.
func Open(o Options) (*Journal, []Entry, error) {
	if o.Entries == 0 {
		o.Entries = 100_000
	}
	j := &Journal{o: o}
	j.idle.L = &j.mu
	entries, ok, err := j.read()
	if err != nil {
		return nil, nil, fmt.Errorf("journal: read: %w", err)
	}
	if !ok || j.header.layout != o.Layout {
		entries = nil
		j.header = header{layout: o.Layout}
		rand.Read(j.header.secret[:]) // never fails (crypto/rand)
	}
	j.header.epoch++
	entries = compact(entries, o.Entries)
	if err := j.rewrite(entries); err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	return j, entries, nil
}

func (j *Journal) read() (entries []Entry, ok bool, err error) {
	names, err := j.o.FS.List()
	if err != nil {
		return nil, false, err
	}
	if !slices.Contains(names, fileName) {
		return nil, false, nil
	}
	b, err := vfs.ReadFile(j.o.FS, fileName, maxFile)
	if err != nil {
		return nil, false, err
	}
	if j.header, ok = parseHeader(b); !ok {
		return nil, false, nil
	}
	b = b[headerSize:]
	for {
		e, rest, ok := parseEntry(b)
		if !ok {
			break
		}
		entries, b = append(entries, e), rest
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return entries, true, nil
}

// First is a number below those of all purges to come, and above all numbers
// that were given before this start.
func (j *Journal) First() uint64 { return j.header.epoch << epochBits }

// Secret makes a secret for one use out of the journal's. It is the same after
// a restart.
func (j *Journal) Secret(use string) [16]byte {
	sum := sha256.Sum256(append(append([]byte(nil), j.header.secret[:]...), use...))
	return [16]byte(sum[:16])
}

// Append writes down a purge. When it has returned nil the purge is on disk.
func (j *Journal) Append(e Entry) error {
	b, leads, err := j.add(&e)
	if err != nil {
		return err
	}
	if leads {
		j.writeAll()
	}
	<-b.done
	return b.err
}

// Note writes down a purge some time soon. Nobody is told if it fails. While
// very much waits it waits, too.
func (j *Journal) Note(e Entry) {
	const much = 1 << 20
	b, leads, err := j.add(&e)
	switch {
	case err != nil:
	case leads:
		go j.writeAll()
	case b.size.Load() > much:
		<-b.done
	}
}

// add puts an entry to those that wait. leads tells that the caller has to write.
func (j *Journal) add(e *Entry) (b *batch, leads bool, err error) {
	if len(e.Owner) > maxText || len(e.Text) > maxText {
		return nil, false, fmt.Errorf("journal: a purge of a text of %d bytes, at most %d are possible", len(e.Text), maxText)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, false, ErrClosed
	}
	if j.waiting == nil {
		j.waiting = &batch{done: make(chan struct{})}
	}
	b = j.waiting
	b.bytes = e.append(b.bytes)
	b.size.Store(int64(len(b.bytes)))
	b.count++
	leads = !j.writing
	j.writing = true
	return b, leads, nil
}

// writeAll writes until nothing waits.
func (j *Journal) writeAll() {
	j.mu.Lock()
	for j.waiting != nil {
		next := j.waiting
		j.waiting = nil
		j.mu.Unlock()
		next.err = j.write(next)
		close(next.done)
		j.mu.Lock()
	}
	j.writing = false
	j.idle.Broadcast()
	j.mu.Unlock()
}

// write brings a batch to disk. What failed is written over by the next.
func (j *Journal) write(b *batch) error {
	if _, err := j.file.WriteAt(b.bytes, j.size); err != nil {
		return fmt.Errorf("journal: write: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("journal: sync: %w", err)
	}
	j.size += int64(len(b.bytes))
	j.entries += b.count
	if j.entries > 2*j.o.Entries {
		j.shrink()
	}
	return nil
}

// shrink writes the file anew. If that fails the long one stays, and all is well
// until the next time.
func (j *Journal) shrink() {
	old := j.header
	entries, ok, err := j.read()
	j.header = old
	if !ok || err != nil {
		j.entries = 0
		return
	}
	short := compact(entries, j.o.Entries)
	file := j.file
	if err := j.rewrite(short); err != nil {
		j.entries = 0
		return
	}
	file.Close()
}

// rewrite makes a file of these entries the journal's.
func (j *Journal) rewrite(entries []Entry) error {
	b := j.header.append(nil)
	for i := range entries {
		b = entries[i].append(b)
	}
	if err := vfs.WriteFile(j.o.FS, fileName, b, true); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	file, err := j.o.FS.Open(fileName)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	j.file, j.size, j.entries = file, int64(len(b)), len(entries)
	return nil
}

// Close closes the file, when what waits is written. An Append that comes later
// fails.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	for j.writing {
		j.idle.Wait()
	}
	return j.file.Close()
}

var _ io.Closer = (*Journal)(nil)

// compact leaves out what later purges cover, and takes the oldest of more than
// most for purges of everything their owners had. Entries come and go by
// Sequence.
func compact(entries []Entry, most int) []Entry {
	type name struct {
		owner, text string
		kind        Kind
		soft        bool
	}
	covered := map[name]bool{}
	var kept []Entry
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		// A hard purge of all covers everything of its owner, and a hard one of
		// the same name a soft one.
		if covered[name{e.Owner, "", All, false}] || covered[name{e.Owner, e.Text, e.Kind, false}] || covered[name{e.Owner, e.Text, e.Kind, e.Soft}] {
			continue
		}
		covered[name{strings.Clone(e.Owner), strings.Clone(e.Text), e.Kind, e.Soft}] = true
		kept = append(kept, e)
	}
	slices.Reverse(kept)
	if len(kept) <= most {
		return kept
	}
	// Half of them, so that this does not come again at once.
	cut := len(kept) - most/2
	newest := map[string]uint64{}
	for _, e := range kept[:cut] {
		newest[e.Owner] = e.Sequence
	}
	var all []Entry
	for owner, n := range newest {
		all = append(all, Entry{Sequence: n, Owner: owner, Kind: All})
	}
	all = append(all, kept[cut:]...)
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return all
}
