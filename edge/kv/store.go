package kv

import (
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// Store is one store of one owner. It is a small value to pass around, valid as long as its DB; to make one costs
// nothing in the file, where a store exists while it holds an entry.
type Store struct {
	db    *DB
	owner Owner
	name  StoreName
	row   []byte // store row; not written to after Store made it
}

// Store returns the store of that name under that owner.
func (db *DB) Store(o Owner, n StoreName) (Store, error) {
	if err := o.Check(); err != nil {
		return Store{}, err
	}
	if err := n.Check(); err != nil {
		return Store{}, err
	}
	return Store{db: db, owner: o, name: n, row: appendStoreRow(nil, o, n)}, nil
}

// Owner returns whose store it is.
func (s Store) Owner() Owner { return s.owner }

// Name returns the store's name.
func (s Store) Name() StoreName { return s.name }

// Entry is what a store keeps under a key.
type Entry struct {
	Value    []byte
	Metadata []byte
	Version  uint64
	Expires  time.Time // zero: never
}

// rows are buffers for data rows on the read path. A caller of Get owns one between Get and Put.
type rows struct{ pool sync.Pool }

func (p *rows) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, maxRow)
	return &b
}

// Get reads the entry of key into e and tells whether there is one. It copies into the buffers that e.Value and
// e.Metadata bring along (from their start, growing them if need be); the key is not kept. When there is no entry,
// e is as it was.
//
// Fast path: with room in the buffers, what is allocated is the transaction.
func (s Store) Get(key []byte, e *Entry) (found bool, err error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	buf := s.db.rows.get()
	defer s.db.rows.pool.Put(buf)
	*buf = append(append((*buf)[:0], s.row...), key...)
	now := s.db.now()
	stale := false
	err = s.db.read(func(tx *bbolt.Tx) error {
		b := tx.Bucket(dataBucket).Get(*buf)
		if b == nil {
			return nil
		}
		r, err := parseRecord(b)
		if err != nil {
			return err
		}
		if r.expired(now) {
			stale = true
			return nil
		}
		found = true
		e.Value = append(e.Value[:0], r.value...)
		e.Metadata = append(e.Metadata[:0], r.metadata...)
		e.Version = r.version
		e.Expires = expiresTime(r.expires)
		return nil
	})
	if stale {
		s.db.stale.add(*buf)
	}
	return found, err
}

// staleMax bounds the expired rows remembered between two commits; what does not fit is left to Sweep.
const staleMax = 256

// stale are data rows that reads found expired. The next commit removes them on its way: a read never causes a
// sync of its own.
type stale struct {
	mu   sync.Mutex
	rows map[string]struct{} // at most staleMax
}

func (s *stale) add(row []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rows) >= staleMax {
		return
	}
	if s.rows == nil {
		s.rows = map[string]struct{}{}
	}
	s.rows[string(row)] = struct{}{}
}

// take empties the set.
func (s *stale) take() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rows) == 0 {
		return nil
	}
	list := make([][]byte, 0, len(s.rows))
	for row := range s.rows {
		list = append(list, []byte(row))
	}
	s.rows = nil
	return list
}
