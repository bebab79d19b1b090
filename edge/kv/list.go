package kv

import (
	"bytes"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// DefaultList is how many entries a page has at most unless the caller says.
	DefaultList = 100
	// MaxList is how many it has at most.
	MaxList = 1000

	listWork = 10_000 // rows that one page looks at, expired ones too
)

// Listed is an entry without its value.
type Listed struct {
	Key      []byte
	Metadata []byte
	Size     int // of the value
	Version  uint64
	Expires  time.Time // zero: never
}

// Page is a part of a listing.
type Page struct {
	Entries []Listed
	// Next is the cursor of the next page, "" after the last one. A page may be short, even empty, and have a
	// next one: expired entries are passed over, and a page looks at a bounded number.
	Next string
}

// List returns the entries whose keys begin with prefix, in the order of their bytes, behind cursor ("" for the start),
// at most limit (0: DefaultList; at most MaxList). Each page is a view of its own: an entry that is there from the
// first page to the last is listed exactly once, one that comes or goes meanwhile at most once.
func (s Store) List(prefix []byte, cursor string, limit int) (Page, error) {
	if len(prefix) > MaxKey {
		return Page{}, &SizeError{What: "prefix", Size: len(prefix), Max: MaxKey}
	}
	if limit <= 0 {
		limit = DefaultList
	}
	limit = min(limit, MaxList)
	var after []byte
	if cursor != "" {
		key, err := decodeCursor(cursor)
		if err != nil {
			return Page{}, err
		}
		if !bytes.HasPrefix(key, prefix) {
			return Page{}, invalidf("kv: cursor belongs to another prefix: begin again without one")
		}
		after = s.dataRow(key)
	}
	var p Page
	var stale [][]byte
	first := s.dataRow(prefix)
	now := s.db.now()
	err := s.db.read(func(tx *bbolt.Tx) error {
		c := tx.Bucket(dataBucket).Cursor()
		row, b := seekAfter(c, first, after)
		for work := 0; row != nil && bytes.HasPrefix(row, first); row, b = c.Next() {
			if len(p.Entries) == limit || work == listWork {
				p.Next = encodeCursor(after[len(s.row):])
				return nil
			}
			work++
			after = row
			r, err := parseRecord(b)
			if err != nil {
				return err
			}
			if r.expired(now) {
				if len(stale) < staleMax {
					stale = append(stale, bytes.Clone(row))
				}
				continue
			}
			p.Entries = append(p.Entries, Listed{
				Key:      bytes.Clone(row[len(s.row):]),
				Metadata: append([]byte(nil), r.metadata...),
				Size:     len(r.value),
				Version:  r.version,
				Expires:  expiresTime(r.expires),
			})
		}
		return nil
	})
	for _, row := range stale {
		s.db.stale.add(row)
	}
	if err != nil {
		return Page{}, err
	}
	return p, nil
}

// seekAfter goes to the first row from first on, or to the first behind after if that is given.
func seekAfter(c *bbolt.Cursor, first, after []byte) (row, b []byte) {
	if after == nil {
		return c.Seek(first)
	}
	row, b = c.Seek(after)
	if bytes.Equal(row, after) {
		row, b = c.Next()
	}
	return row, b
}
