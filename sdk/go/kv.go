package wedge

import (
	"iter"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// KV is a store that keeps what was put, by its name. It can be a constant:
//
//	const links wedge.KV = "links"
//
// The binding lists the stores that a function may use; any other is ErrNotAllowed.
type KV string

// Entry is what a store keeps under a key.
type Entry struct {
	Value    []byte
	Metadata []byte
	Version  uint64
	Expires  Time // 0: never
}

// open is the store's handle in this exchange. Handles end with the exchange, names do not; asking again is cheap and gives the same one.
func (s KV) open() (int32, error) {
	n := raw.KVOpen(string(s))
	return n, failed(n, "open store", string(s))
}

func (s KV) failed(n int32, op, key string) error { return failed(n, op, string(s)+"/"+key) }

// Value is the value under the key; ErrAbsent if there is none.
func (s KV) Value(key string) (string, error) {
	h, err := s.open()
	if err != nil {
		return "", err
	}
	var buf [room]byte
	var about [2]uint64
	v, n := text(raw.KVGet(h, bytes(key), buf[:], &about), buf[:], func(b []byte) int32 { return raw.KVGet(h, bytes(key), b, &about) })
	if n < 0 {
		return "", s.failed(n, "kv get", key)
	}
	return v, nil
}

// Get is the entry under the key, with what is known about it; ErrAbsent if there is none.
func (s KV) Get(key string) (e Entry, err error) {
	h, err := s.open()
	if err != nil {
		return e, err
	}
	var buf [room]byte
	var about [2]uint64
	v, n := value(raw.KVGet(h, bytes(key), buf[:], &about), buf[:], func(b []byte) int32 { return raw.KVGet(h, bytes(key), b, &about) })
	if n < 0 {
		return e, s.failed(n, "kv get", key)
	}
	m, n := value(raw.KVMetadata(h, buf[:]), buf[:], func(b []byte) int32 { return raw.KVMetadata(h, b) })
	if n < 0 {
		return e, s.failed(n, "kv get", key)
	}
	return Entry{v, m, about[0], expires(about[1])}, nil
}

func expires(ms uint64) Time { return Time(ms) * Time(Millisecond) }

// PutOptions are the life of a value and the conditions of its writing. The zero value is: for ever, and without conditions.
type PutOptions struct {
	TTL       Duration // 0: for ever
	Metadata  []byte
	IfAbsent  bool   // only if the key has no value
	IfVersion uint64 // only if the value has this version; 0: no condition
}

// Put puts a value and returns its version. If a condition does not hold it is ErrConflict, and the version is the present one, 0 if there is no
// value. A compare-and-swap is a Get, then a Put with the version that came:
//
//	e, err := s.Get(key)
//	…
//	_, err = s.Put(key, changed, wedge.PutOptions{IfVersion: e.Version})
//	if errors.Is(err, wedge.ErrConflict) { // somebody was faster: begin again
func (s KV) Put(key string, value []byte, o PutOptions) (version uint64, err error) {
	h, err := s.open()
	if err != nil {
		return 0, err
	}
	c := raw.ConditionAlways
	switch {
	case o.IfAbsent && o.IfVersion != 0:
		return 0, s.failed(int32(ErrInvalid), "kv put", key) // it cannot be absent and have a version
	case o.IfAbsent:
		c = raw.ConditionIfAbsent
	case o.IfVersion != 0:
		c = raw.ConditionIfVersion
	}
	n := raw.KVPut(h, bytes(key), value, o.Metadata, o.TTL.milliseconds(), c, int64(o.IfVersion), &version)
	return version, s.failed(n, "kv put", key)
}

// Delete removes a value; ErrAbsent if there was none.
func (s KV) Delete(key string) error { return s.delete(key, raw.ConditionAlways, 0) }

// DeleteVersion removes a value if it has that version, which is not 0; otherwise it is ErrConflict.
func (s KV) DeleteVersion(key string, version uint64) error {
	return s.delete(key, raw.ConditionIfVersion, version)
}

func (s KV) delete(key string, c raw.Condition, version uint64) error {
	h, err := s.open()
	if err != nil {
		return err
	}
	return s.failed(raw.KVDelete(h, bytes(key), c, int64(version)), "kv delete", key)
}

// Add adds to a number, atomically, and returns the sum. A key without a value counts as 0 and is created with the ttl (0: for ever); a value
// that is no number is ErrNotNumber.
func (s KV) Add(key string, delta int64, ttl Duration) (sum int64, err error) {
	h, err := s.open()
	if err != nil {
		return 0, err
	}
	var to uint64
	n := raw.KVAdd(h, bytes(key), delta, ttl.milliseconds(), &to)
	return int64(to), s.failed(n, "kv add", key)
}

// Listed is an entry without its value.
type Listed struct {
	Key      string
	Metadata []byte
	Version  uint64
	Expires  Time // 0: never
}

// Page is a part of a listing.
type Page struct {
	Entries []Listed
	Next    string // cursor of the next page, "" after the last
}

// List is the entries whose keys begin with prefix, in ascending order: at most limit of them (1 to 1000), after the cursor of the page before
// ("" for the first).
func (s KV) List(prefix, cursor string, limit int) (p Page, err error) {
	h, err := s.open()
	if err != nil {
		return p, err
	}
	var buf [4 * room]byte
	list := func(b []byte) int32 { return raw.KVList(h, bytes(prefix), bytes(cursor), int32(limit), b) }
	page, n := value(raw.KVList(h, bytes(prefix), bytes(cursor), int32(limit), buf[:]), buf[:], list)
	if n < 0 {
		return p, s.failed(n, "kv list", prefix)
	}
	for len(page) >= 24 {
		k, m := int(u32(page)), int(u32(page[4:]))
		e := Listed{Version: u64(page[8:]), Expires: expires(u64(page[16:]))}
		if page = page[24:]; k > len(page) || m > len(page)-k {
			return Page{}, s.failed(int32(ErrIO), "kv list", prefix)
		}
		e.Key, e.Metadata = string(page[:k]), page[k:k+m:k+m]
		p.Entries, page = append(p.Entries, e), page[k+m:]
	}
	p.Next, n = text(raw.KVListCursor(h, buf[:]), buf[:], func(b []byte) int32 { return raw.KVListCursor(h, b) })
	return p, s.failed(n, "kv list", prefix)
}

// All yields every entry whose key begins with prefix, page by page; after an error it yields that and ends.
func (s KV) All(prefix string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		for cursor := ""; ; {
			p, err := s.List(prefix, cursor, 100)
			if err != nil {
				yield(Listed{}, err)
				return
			}
			for _, e := range p.Entries {
				if !yield(e, nil) {
					return
				}
			}
			if cursor = p.Next; cursor == "" {
				return
			}
		}
	}
}
