package kv

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// Export writes the entries of the store to w, one JSON object a line, as they were at one moment, and returns how
// many.
//
// The lines go first into a file beside the store file, at the disk's speed and in one read transaction, and from
// there to w with no transaction open: however slowly w reads, it keeps no page of the file from being used
// again and delays nobody. Paging through the store in many transactions would need no such file, but its
// lines would be of different moments.
func (s Store) Export(ctx context.Context, w io.Writer) (n int, err error) {
	f, err := os.CreateTemp(s.db.dir, ".kv-export-*")
	if err != nil {
		return 0, fmt.Errorf("kv: export: %w", err)
	}
	// Where it can, the file loses its name at once, so that a killed process leaves nothing.
	if os.Remove(f.Name()) == nil {
		defer f.Close()
	} else {
		defer func() { f.Close(); os.Remove(f.Name()) }()
	}
	n, err = s.spool(ctx, f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return 0, fmt.Errorf("kv: export of store %q: %w", s.name, err)
	}
	if _, err = io.Copy(w, untilDone{ctx, f}); err != nil {
		return 0, fmt.Errorf("kv: export of store %q: send: %w", s.name, err)
	}
	return n, nil
}

// spool writes the lines of one snapshot into a local file.
func (s Store) spool(ctx context.Context, f *os.File) (n int, err error) {
	out := bufio.NewWriterSize(f, 64<<10)
	now := s.db.now()
	var buf []byte
	err = s.db.read(func(tx *bbolt.Tx) error {
		c := tx.Bucket(dataBucket).Cursor()
		for row, b := c.Seek(s.row); row != nil && bytes.HasPrefix(row, s.row); row, b = c.Next() {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			r, err := parseRecord(b)
			if err != nil {
				return err
			}
			if r.expired(now) {
				continue
			}
			buf = appendLine(buf[:0], line{key: row[len(s.row):], record: r})
			if _, err := out.Write(buf); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, out.Flush()
}

// untilDone reads until ctx ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}
