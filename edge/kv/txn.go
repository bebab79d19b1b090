package kv

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"
)

// reclaimMax is how many expired entries one write removes to get below its owner's quota.
const reclaimMax = 4096

// txn is a write transaction: the rows of the file and the accounting of those it touched. Only the committing
// goroutine has one.
//
// Operations decide first and change then, so a refusal leaves nothing behind (but it may have removed expired
// entries, which nobody can see). A failure of the file stays in err and ends the batch.
type txn struct {
	meta, data, expiry, usageRows *bbolt.Bucket

	now     int64
	usage   map[string]*Usage // owner rows and store rows that changed or were asked for, by row
	expired map[Owner]int     // entries removed because they had expired
	removed int               // their sum
	dirty   bool              // there is something to commit
	err     error
}

func newTxn(btx *bbolt.Tx, now int64) *txn {
	return &txn{
		meta: btx.Bucket(metaBucket), data: btx.Bucket(dataBucket),
		expiry: btx.Bucket(expiryBucket), usageRows: btx.Bucket(usageBucket),
		now: now, usage: map[string]*Usage{}, expired: map[Owner]int{},
	}
}

// fail keeps the first failure of the file.
func (t *txn) fail(err error) error {
	if t.err == nil && err != nil {
		t.err = fmt.Errorf("kv: write: %w", err)
	}
	return err
}

// next draws the next version.
func (t *txn) next() (uint64, error) {
	n, err := t.meta.NextSequence()
	if err != nil {
		return 0, t.fail(err)
	}
	t.dirty = true
	return n, nil
}

// live returns the entry of a data row, removing it first if it has expired. The record is a view of the
// transaction's pages: it is valid until the next change.
func (t *txn) live(row []byte) (r record, found bool, err error) {
	b := t.data.Get(row)
	if b == nil {
		return record{}, false, nil
	}
	r, err = parseRecord(b)
	if err != nil {
		return record{}, false, t.fail(err)
	}
	if !r.expired(t.now) {
		return r, true, nil
	}
	return record{}, false, t.removeExpired(row)
}

// limits are what a write must respect, asked from the caller's goroutine beforehand.
type limits struct {
	owner     Owner
	store     StoreName
	ifVersion uint64
	ifAbsent  bool
	quota     int64
}

func (l limits) check(current uint64) error {
	if l.ifAbsent && current != 0 || l.ifVersion != 0 && l.ifVersion != current {
		return &ConflictError{Store: l.store, Current: current}
	}
	return nil
}

// put stores rec, whose version it fills in, under row.
func (t *txn) put(row, rec []byte, l limits) (uint64, error) {
	old, found, err := t.live(row)
	if err != nil {
		return 0, err
	}
	if err := l.check(old.version); err != nil {
		return 0, err
	}
	r, err := parseRecord(rec)
	if err != nil {
		panic("BUG: kv: put of " + err.Error())
	}
	ownerEnd, storeEnd, err := splitDataRow(row)
	if err != nil {
		panic("BUG: kv: put under " + err.Error())
	}
	keyLen := len(row) - storeEnd
	grow, entries := r.charge(keyLen), int64(1)
	if found {
		grow, entries = grow-old.charge(keyLen), 0
	}
	oldExpires := old.expires // old is gone with the first change
	if err := t.makeRoom(row[:ownerEnd], grow, l); err != nil {
		return 0, err
	}
	version, err := t.next()
	if err != nil {
		return 0, err
	}
	setRecordVersion(rec, version)
	if oldExpires != r.expires {
		if oldExpires != 0 {
			if err := t.expiry.Delete(appendExpiryRow(nil, row, ownerEnd, oldExpires)); err != nil {
				return 0, t.fail(err)
			}
		}
		if r.expires != 0 {
			if err := t.expiry.Put(appendExpiryRow(nil, row, ownerEnd, r.expires), nil); err != nil {
				return 0, t.fail(err)
			}
		}
	}
	if err := t.data.Put(row, rec); err != nil {
		return 0, t.fail(err)
	}
	return version, t.charge(row, ownerEnd, storeEnd, grow, entries)
}

// makeRoom refuses what would take the owner above its quota, after trying to reclaim what has expired. A write
// that shrinks passes always, so that an owner whose quota was lowered can get below it.
func (t *txn) makeRoom(ownerRow []byte, grow int64, l limits) error {
	if l.quota <= 0 || grow <= 0 {
		return nil
	}
	u, err := t.usageOf(ownerRow)
	if err != nil {
		return err
	}
	if u.Bytes+grow <= l.quota {
		return nil
	}
	removed := 0
	for removed < reclaimMax && u.Bytes+grow > l.quota {
		rows, err := expiredOf(t.expiry.Cursor(), ownerRow, t.now, 64)
		if err != nil {
			return t.fail(err)
		}
		for _, row := range rows {
			if err := t.sweepRow(row, t.now); err != nil {
				return err
			}
		}
		if removed += len(rows); len(rows) < 64 {
			break
		}
	}
	if u.Bytes+grow > l.quota {
		return &QuotaError{Owner: l.owner, Used: u.Bytes, Need: grow, Quota: l.quota}
	}
	return nil
}

// expiredOf collects the first expiry rows of an owner that are due, copied.
func expiredOf(c *bbolt.Cursor, ownerRow []byte, now int64, limit int) (rows [][]byte, err error) {
	for row, _ := c.Seek(ownerRow); row != nil && len(rows) < limit && bytes.HasPrefix(row, ownerRow); row, _ = c.Next() {
		_, _, expires, err := splitExpiryRow(row)
		if err != nil {
			return nil, err
		}
		if expires > now {
			break
		}
		rows = append(rows, bytes.Clone(row))
	}
	return rows, nil
}

// sweepRow removes an expiry row that was due at now, and its entry if that is what the row speaks of.
func (t *txn) sweepRow(expiryRow []byte, now int64) error {
	row, _, expires, err := splitExpiryRow(expiryRow)
	if err != nil {
		return t.fail(err)
	}
	if expires > now {
		return nil
	}
	b := t.data.Get(row)
	if b != nil {
		r, err := parseRecord(b)
		if err != nil {
			return t.fail(err)
		}
		if r.expires == expires {
			return t.remove(row, r, true)
		}
	}
	t.dirty = true // a row without its entry would be met again and again
	return t.fail(t.expiry.Delete(expiryRow))
}

// removeExpired removes the entry of a data row if it has expired.
func (t *txn) removeExpired(row []byte) error {
	b := t.data.Get(row)
	if b == nil {
		return nil
	}
	r, err := parseRecord(b)
	if err != nil {
		return t.fail(err)
	}
	if !r.expired(t.now) {
		return nil
	}
	return t.remove(row, r, true)
}

// remove takes an entry out of the file and of its owner's account.
func (t *txn) remove(row []byte, r record, expired bool) error {
	ownerEnd, storeEnd, err := splitDataRow(row)
	if err != nil {
		return t.fail(err)
	}
	size, expires := r.charge(len(row)-storeEnd), r.expires
	t.dirty = true
	if expires != 0 {
		if err := t.expiry.Delete(appendExpiryRow(nil, row, ownerEnd, expires)); err != nil {
			return t.fail(err)
		}
	}
	if err := t.data.Delete(row); err != nil {
		return t.fail(err)
	}
	if expired {
		t.expired[Owner(row[1:ownerEnd])]++
		t.removed++
	}
	return t.charge(row, ownerEnd, storeEnd, -size, -1)
}

// usageOf returns the account of an owner row or store row; it stays the same pointer for the transaction.
func (t *txn) usageOf(row []byte) (*Usage, error) {
	if u := t.usage[string(row)]; u != nil {
		return u, nil
	}
	u, err := parseUsage(t.usageRows.Get(row))
	if err != nil {
		return nil, t.fail(err)
	}
	t.usage[string(row)] = &u
	return &u, nil
}

func (t *txn) charge(row []byte, ownerEnd, storeEnd int, bytes, entries int64) error {
	for _, end := range []int{ownerEnd, storeEnd} {
		u, err := t.usageOf(row[:end])
		if err != nil {
			return err
		}
		u.Bytes += bytes
		u.Entries += entries
		if u.Bytes < 0 || u.Entries < 0 {
			return t.fail(fmt.Errorf("the file's accounting is damaged (%d entries, %d bytes): restore it from a copy", u.Entries, u.Bytes))
		}
	}
	return nil
}

// flush writes the accounts back. It must be the last step before the commit.
func (t *txn) flush() {
	for row, u := range t.usage {
		var err error
		if u.Entries == 0 {
			err = t.usageRows.Delete([]byte(row))
		} else {
			err = t.usageRows.Put([]byte(row), u.row())
		}
		if err != nil {
			t.fail(err)
			return
		}
	}
}
