package kv

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"
)

// PutOptions are the settings of Put; the zero value stores the value for ever, whatever is there.
type PutOptions struct {
	TTL       time.Duration // how long the entry lives; 0: as Expires says
	Expires   time.Time     // when it ends, in milliseconds rounded up; zero: never. Not together with TTL
	Metadata  []byte        // at most MaxMetadata
	IfVersion uint64        // write only if the entry is at this version; 0: no condition
	IfAbsent  bool          // write only if there is no entry
}

// Put stores value under key and returns the version it got. It returns after the commit. Key, value and metadata
// are copied before it waits; when ctx ends while the write still waits in line, it is withdrawn.
func (s Store) Put(ctx context.Context, key, value []byte, o PutOptions) (uint64, error) {
	if err := s.db.checkValue(key, value, o.Metadata); err != nil {
		return 0, err
	}
	if o.IfAbsent && o.IfVersion != 0 {
		return 0, invalidf("kv: put: if-absent and if-version exclude each other: give one")
	}
	expires, err := s.db.expiry(o.TTL, o.Expires)
	if err != nil {
		return 0, err
	}
	l := s.limits()
	l.ifVersion, l.ifAbsent = o.IfVersion, o.IfAbsent
	row := s.dataRow(key)
	rec := newRecord(record{expires: expires, metadata: o.Metadata, value: value})
	var version uint64
	err = s.db.queue.do(ctx, &op{size: len(row) + len(rec), apply: func(t *txn) (err error) {
		version, err = t.put(row, rec, l)
		return err
	}})
	if err != nil {
		return 0, err
	}
	s.tellPut(len(value))
	return version, nil
}

// DeleteOptions are the settings of Delete.
type DeleteOptions struct {
	IfVersion uint64 // delete only if the entry is at this version; 0: no condition
}

// Delete removes the entry of key and tells whether there was one. With IfVersion a missing entry is a conflict.
func (s Store) Delete(ctx context.Context, key []byte, o DeleteOptions) (existed bool, err error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	l := limits{store: s.name, ifVersion: o.IfVersion}
	row := s.dataRow(key)
	err = s.db.queue.do(ctx, &op{size: len(row), apply: func(t *txn) error {
		r, found, err := t.live(row)
		existed = found
		if err != nil {
			return err
		}
		if err := l.check(r.version); err != nil || !found {
			return err
		}
		return t.remove(row, r, false)
	}})
	if err != nil {
		return false, err
	}
	if existed {
		s.tellDelete(1)
	}
	return existed, nil
}

// Add adds delta to the number under key and returns the sum and the version it got. The value is a decimal integer
// in text, so Put makes one, Get and the command line show it, and an export keeps it readable. A missing entry
// counts as 0 and is made with the given time to live (0: for ever); an entry that is there keeps its expiry
// and metadata.
func (s Store) Add(ctx context.Context, key []byte, delta int64, ttl time.Duration) (sum int64, version uint64, err error) {
	if err := checkKey(key); err != nil {
		return 0, 0, err
	}
	expires, err := s.db.expiry(ttl, time.Time{})
	if err != nil {
		return 0, 0, err
	}
	l := s.limits()
	row := s.dataRow(key)
	size := 0
	err = s.db.queue.do(ctx, &op{size: len(row) + recordHead + 20, apply: func(t *txn) error {
		old, found, err := t.live(row)
		if err != nil {
			return err
		}
		r := record{expires: expires}
		sum = delta
		if found {
			n, err := s.parseNumber(old.value)
			if err != nil {
				return err
			}
			if delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta {
				return fmt.Errorf("kv: add in store %q: %d and %d have no sum in 64 bits: the entry is unchanged: %w", s.name, n, delta, ErrOverflow)
			}
			sum = n + delta
			r.expires, r.metadata = old.expires, old.metadata
		}
		r.value = strconv.AppendInt(nil, sum, 10)
		size = len(r.value)
		version, err = t.put(row, newRecord(r), l)
		return err
	}})
	if err != nil {
		return 0, 0, err
	}
	s.tellPut(size)
	return sum, version, nil
}

// parseNumber accepts what Add writes: an optional minus sign and digits, within 64 bits. Zeros in front are fine.
func (s Store) parseNumber(v []byte) (int64, error) {
	if len(v) <= 64 && len(v) > 0 && v[0] != '+' {
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("kv: add in store %q: the value (%d bytes) is no decimal integer of 64 bits: put one first, or use another key: %w",
		s.name, len(v), ErrNotNumber)
}

func (s Store) dataRow(key []byte) []byte {
	row := make([]byte, 0, len(s.row)+len(key))
	return append(append(row, s.row...), key...)
}

func newRecord(r record) []byte {
	return appendRecord(make([]byte, 0, recordHead+len(r.metadata)+len(r.value)), r)
}

// limits asks for the quota; conditions are the caller's to add.
func (s Store) limits() limits {
	l := limits{owner: s.owner, store: s.name}
	if s.db.opt.Quota != nil {
		l.quota = s.db.opt.Quota(s.owner)
	}
	return l
}

func (db *DB) checkValue(key, value, metadata []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if len(value) > db.opt.MaxValue {
		return &SizeError{What: "value", Size: len(value), Max: db.opt.MaxValue}
	}
	if len(metadata) > MaxMetadata {
		return &SizeError{What: "metadata", Size: len(metadata), Max: MaxMetadata}
	}
	return nil
}

// expiry makes the moment of a time to live or of a time; 0 is never.
func (db *DB) expiry(ttl time.Duration, at time.Time) (int64, error) {
	switch {
	case ttl != 0 && !at.IsZero():
		return 0, invalidf("kv: time to live and expiry exclude each other: give one")
	case ttl < 0:
		return 0, invalidf("kv: time to live of %s: give a positive one, or none for ever", ttl)
	case ttl > 0:
		return expiresMilli(db.opt.Now().Add(ttl))
	case at.IsZero():
		return 0, nil
	}
	if now := db.opt.Now(); !at.After(now) {
		return 0, invalidf("kv: expiry %s is past (it is %s): give a later one, or delete the entry",
			at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return expiresMilli(at)
}

func (s Store) tellPut(bytes int) {
	if f := s.db.opt.Events.Put; f != nil {
		f(s.owner, s.name, bytes)
	}
}

func (s Store) tellDelete(n int) {
	if f := s.db.opt.Events.Delete; f != nil {
		f(s.owner, s.name, n)
	}
}
