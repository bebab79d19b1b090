package kv

import (
	"fmt"
	"time"
)

// commit writes a batch in one transaction and sets the outcome of each operation. It runs on the queue's goroutine.
func (db *DB) commit(batch []*op) {
	start := time.Now()
	now := db.now()
	stale := db.stale.take()
	expired := map[Owner]int{}
	again, err := db.update(batch, stale, now, expired)
	if again && len(batch)+len(stale) > 1 {
		// One operation may be what the file cannot take: each runs alone, so that it spoils no other.
		err = nil
		for _, o := range batch {
			if _, e := db.update([]*op{o}, nil, now, expired); e != nil {
				o.err, err = e, e
			}
		}
	} else if err != nil {
		for _, o := range batch {
			o.err = err
		}
	}
	c := Commit{Ops: len(batch), Duration: time.Since(start), Err: err}
	for _, o := range batch {
		c.Bytes += o.size
		if o.err != nil {
			c.Refused++
		}
		close(o.done)
	}
	if db.opt.Events.Expire != nil {
		for owner, n := range expired {
			db.opt.Events.Expire(owner, n)
		}
	}
	if db.opt.Events.Commit != nil {
		db.opt.Events.Commit(c)
	}
}

// update applies a batch in one transaction. An error is the file's and concerns the whole batch. again tells that
// nothing of it stands for sure; when the last step of a commit fails that is not known, and to run an addition
// again could count it twice.
func (db *DB) update(batch []*op, stale [][]byte, now int64, expired map[Owner]int) (again bool, err error) {
	btx, err := db.bolt.Begin(true)
	if err != nil {
		return false, fmt.Errorf("kv: write: %w", err)
	}
	defer btx.Rollback() // after a commit this does nothing
	t := newTxn(btx, now)
	for _, row := range stale {
		t.removeExpired(row)
	}
	for _, o := range batch {
		o.err = o.apply(t)
		if t.err != nil {
			return true, t.err
		}
	}
	if !t.dirty {
		return false, nil // only refusals: no sync for them
	}
	if t.flush(); t.err != nil {
		return true, t.err
	}
	if err := btx.Commit(); err != nil {
		return false, fmt.Errorf("kv: commit: %w: it is not known whether the write stands: look for room and errors on the disk, and read before writing again", err)
	}
	for owner, n := range t.expired {
		expired[owner] += n
	}
	return false, nil
}
