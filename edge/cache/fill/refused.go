package fill

import (
	"encoding/binary"
	"sync"
	"time"
)

// Refused remembers for a while which keys had a response that could not be
// shared, so that the next requests do not wait for one another in vain. It has
// a fixed number of places; two keys that fall on one forget each other, which
// costs a wait.
type Refused struct {
	rows [refusedRows]refusedRow
}

const (
	refusedRows   = 64
	refusedPlaces = 64
)

type refusedRow struct {
	mu     sync.Mutex
	places [refusedPlaces]refusal
}

type refusal struct {
	key   Key
	until int64 // in Unix nanoseconds; 0 means free
}

// place is the key's place; the key is a hash that nobody outside can choose.
func (r *Refused) place(k Key) (*refusedRow, *refusal) {
	h := binary.LittleEndian.Uint64(k[:])
	row := &r.rows[h%refusedRows]
	return row, &row.places[h/refusedRows%refusedPlaces]
}

// Add remembers the key until then.
func (r *Refused) Add(k Key, until time.Time) {
	row, p := r.place(k)
	row.mu.Lock()
	*p = refusal{k, until.UnixNano()}
	row.mu.Unlock()
}

// Has tells whether the key is remembered.
func (r *Refused) Has(k Key, now time.Time) bool {
	row, p := r.place(k)
	row.mu.Lock()
	defer row.mu.Unlock()
	return p.until != 0 && p.key == k && now.UnixNano() < p.until
}

// Forget forgets the key: its response can be shared again.
func (r *Refused) Forget(k Key) {
	row, p := r.place(k)
	row.mu.Lock()
	if p.key == k {
		*p = refusal{}
	}
	row.mu.Unlock()
}
