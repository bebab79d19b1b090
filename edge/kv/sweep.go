package kv

import (
	"bytes"
	"context"
	"time"

	"go.etcd.io/bbolt"
)

const (
	sweepBatch  = 1000 // entries of one transaction
	sweepOwners = 4096 // owners that one call looks at
)

// Sweep removes entries that have expired by now, at most max of them, and returns how many it removed. It begins
// where the call before it stopped, so that no owner waits for another for ever. When nothing is due it writes
// nothing. An entry that expires later than Options.Now says but before the given time is removed too: pass the
// same clock.
func (db *DB) Sweep(ctx context.Context, now time.Time, max int) (removed int, err error) {
	db.sweepMu.Lock()
	defer db.sweepMu.Unlock()
	w := sweep{now: now.UnixMilli(), at: db.sweepFrom, start: db.sweepFrom, owners: sweepOwners}
	for removed < max && !w.done {
		rows, err := w.collect(db, min(sweepBatch, max-removed))
		if err != nil {
			return removed, err
		}
		db.sweepFrom = w.next // if this is the last batch, the owner it ended in has had its turn
		if len(rows) == 0 {
			continue
		}
		n := 0
		err = db.queue.do(ctx, &op{size: len(rows) * maxRow / 4, apply: func(t *txn) error {
			before := t.removed
			for _, row := range rows {
				if err := t.sweepRow(row, w.now); err != nil {
					return err
				}
			}
			n = t.removed - before
			return nil
		}})
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// sweep is a walk over the expiry rows of all owners, once around from start.
type sweep struct {
	now     int64
	start   []byte // nil: the first row
	at      []byte // where the next collect begins; nil: the first row
	next    []byte // behind the owner that the last collect ended in
	owners  int    // that may still be looked at
	wrapped bool   // the walk has gone over the end
	done    bool
}

// collect gathers up to limit rows that are due.
func (w *sweep) collect(db *DB, limit int) (due [][]byte, err error) {
	err = db.read(func(tx *bbolt.Tx) error {
		c := tx.Bucket(expiryBucket).Cursor()
		row, _ := c.Seek(w.at)
		for len(due) < limit && !w.done {
			if row == nil {
				w.at, w.next = nil, nil
				if w.wrapped || w.start == nil {
					w.done = true
					return nil
				}
				w.wrapped = true
				if row, _ = c.First(); row == nil {
					w.done = true
					return nil
				}
			}
			if w.wrapped && bytes.Compare(row, w.start) >= 0 {
				w.done = true
				return nil
			}
			ownerEnd, err := nameEnd(row, 0)
			if err != nil {
				return err
			}
			owner := bytes.Clone(row[:ownerEnd])
			found, err := expiredOf(c, owner, w.now, limit-len(due))
			if err != nil {
				return err
			}
			due = append(due, found...)
			w.at, w.next = owner, afterOwner(owner)
			if len(due) == limit {
				return nil // this owner may have more
			}
			w.at = w.next
			w.owners--
			w.done = w.owners == 0
			row, _ = c.Seek(w.next)
		}
		return nil
	})
	return due, err
}
