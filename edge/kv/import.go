package kv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
)

const (
	importOps   = 256     // lines of one window: they are sent together and share a commit
	importBytes = 4 << 20 // bytes after which a window is full
)

// Imported tells what an import did.
type Imported struct {
	Written   int // entries made or replaced
	Unchanged int // entries that were there just so
	Expired   int // lines whose entry has expired meanwhile
}

// Import reads lines as Export writes them and puts their entries into the store, over what is there under the same
// keys; other entries stay. To import a file again changes nothing: a line whose value, metadata and expiry are there
// already is passed over. Entries get new versions, those in the file are information only, because a version
// names one write of this file for ever. Empty lines are skipped.
//
// It stops at the first line that fails, with a *LineError. Lines before it are in, and up to 255 after it may be:
// mend the line and import the whole file again.
func (s Store) Import(ctx context.Context, r io.Reader) (Imported, error) {
	limit := maxLine(s.db.opt.MaxValue)
	in := bufio.NewScanner(r)
	in.Buffer(nil, limit)
	w := window{store: s}
	n := 0
	for in.Scan() {
		n++
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		if err := w.add(ctx, n, in.Bytes()); err != nil {
			return w.end(ctx, &LineError{n, err})
		}
		if len(w.ops) == importOps || w.bytes >= importBytes {
			if sum, err := w.end(ctx, nil); err != nil {
				return sum, err
			}
		}
	}
	err := in.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = invalidf("it has more than %d bytes: no entry needs that much", limit)
	}
	if err != nil {
		return w.end(ctx, &LineError{n + 1, err})
	}
	return w.end(ctx, nil)
}

// window are the lines on their way through the queue.
type window struct {
	store Store
	ops   []*importOp
	bytes int
	sum   Imported
}

type importOp struct {
	op
	line  int
	value int  // its size
	same  bool // the entry was there already
}

// add parses a line and sends its write.
func (w *window) add(ctx context.Context, n int, text []byte) error {
	s := w.store
	l, err := parseLine(text)
	if err != nil {
		return err
	}
	if err := s.db.checkValue(l.key, l.value, l.metadata); err != nil {
		return err
	}
	if l.expired(s.db.now()) {
		w.sum.Expired++
		return nil
	}
	row, rec, lim := s.dataRow(l.key), newRecord(l.record), s.limits()
	o := &importOp{line: n, value: len(l.value)}
	o.size = len(row) + len(rec)
	o.apply = func(t *txn) error {
		old, found, err := t.live(row)
		if err != nil {
			return err
		}
		if o.same = found && old.sameContent(l.record); o.same {
			return nil
		}
		_, err = t.put(row, rec, lim)
		return err
	}
	if err := s.db.queue.send(ctx, &o.op); err != nil {
		return err
	}
	w.ops = append(w.ops, o)
	w.bytes += o.size
	return nil
}

// end waits for what was sent. The first line that failed is reported, last if none did.
func (w *window) end(ctx context.Context, last error) (Imported, error) {
	var first error
	for _, o := range w.ops {
		switch err := w.store.db.queue.wait(ctx, &o.op); {
		case err != nil:
			if first == nil {
				first = &LineError{o.line, err}
			}
		case o.same:
			w.sum.Unchanged++
		default:
			w.sum.Written++
			w.store.tellPut(o.value)
		}
	}
	w.ops, w.bytes = w.ops[:0], 0
	if first == nil {
		first = last
	}
	return w.sum, first
}
