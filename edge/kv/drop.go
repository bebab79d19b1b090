package kv

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"
)

const (
	dropBatch = 1000   // entries of one transaction
	dropWork  = 10_000 // rows that one read looks at
)

// Drop removes the store: every entry that was there when it was called. It does so in bounded steps, each
// committed, so readers may see a part of the store meanwhile, and entries written meanwhile stay. When it
// fails half-way, what it removed stays removed; call it again.
func (s Store) Drop(ctx context.Context) (removed int, err error) {
	var last uint64 // entries with a later version were written after the call began
	err = s.db.read(func(tx *bbolt.Tx) error {
		last = tx.Bucket(metaBucket).Sequence()
		return nil
	})
	at := s.row
	for err == nil && at != nil {
		var rows [][]byte
		rows, at, err = s.upTo(at, last)
		if err != nil || len(rows) == 0 {
			continue
		}
		n := 0
		err = s.db.queue.do(ctx, &op{size: len(rows) * maxRow / 4, apply: func(t *txn) error {
			n = 0
			for _, row := range rows {
				r, found, err := t.live(row)
				if err == nil && found && r.version <= last {
					err = t.remove(row, r, false)
					n++
				}
				if err != nil {
					return err
				}
			}
			return nil
		}})
		if err == nil && n > 0 {
			removed += n
			s.tellDelete(n)
		}
	}
	return removed, err
}

// upTo collects rows with versions up to last, from a row on, and returns where to go on, nil at the end.
func (s Store) upTo(at []byte, last uint64) (rows [][]byte, next []byte, err error) {
	err = s.db.read(func(tx *bbolt.Tx) error {
		c := tx.Bucket(dataBucket).Cursor()
		work := 0
		for row, b := c.Seek(at); row != nil && bytes.HasPrefix(row, s.row); row, b = c.Next() {
			if len(rows) == dropBatch || work == dropWork {
				next = bytes.Clone(row)
				return nil
			}
			work++
			r, err := parseRecord(b)
			if err != nil {
				return err
			}
			if r.version <= last {
				rows = append(rows, bytes.Clone(row))
			}
		}
		return nil
	})
	return rows, next, err
}
