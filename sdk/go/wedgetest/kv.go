//go:build !wasip1

package wedgetest

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

const (
	maxStores   = 16
	maxStoreKey = 1024
	maxMetadata = 1024
)

// Store is a key-value store of the node.
type Store struct {
	node    *Node
	entries map[string]entry
	version uint64
}

type entry struct {
	value, metadata string
	version         uint64
	expires         time.Time // zero: never
}

// Put puts a value without conditions, for ever, as the operator would.
func (s *Store) Put(key, value string) { s.put(key, entry{value: value}) }

func (s *Store) put(key string, e entry) uint64 {
	s.version++
	e.version = s.version
	s.entries[key] = e
	return e.version
}

// Value is the value under the key, and whether there is one.
func (s *Store) Value(key string) (string, bool) {
	e, ok := s.at(key)
	return e.value, ok
}

// Delete removes a value.
func (s *Store) Delete(key string) { delete(s.entries, key) }

// at is the entry under the key, if it has not expired.
func (s *Store) at(key string) (entry, bool) {
	e, ok := s.entries[key]
	if ok && !e.expires.IsZero() && !s.node.Now.Before(e.expires) {
		delete(s.entries, key)
		return entry{}, false
	}
	return e, ok
}

// page is what a handle's last calls left behind.
type page struct{ metadata, next string }

func (h *host) KVOpen(name string) int32 {
	return h.do("kv_open", func(x *Exchange) raw.Status {
		if h.node.stores[name] == nil {
			return h.deny("kv_open")
		}
		i := slices.Index(x.opened, name)
		if i < 0 {
			if len(x.opened) == maxStores {
				return raw.StatusLimit
			}
			i, x.opened = len(x.opened), append(x.opened, strings.Clone(name))
			x.pages[i+1] = &page{}
		}
		return raw.Status(i + 1)
	})
}

// with enters a function on an open store.
func (h *host) with(function string, handle int32, body func(s *Store, p *page) raw.Status) int32 {
	return h.do(function, func(x *Exchange) raw.Status {
		if handle < 1 || int(handle) > len(x.opened) {
			return raw.StatusBadHandle
		}
		return body(h.node.stores[x.opened[handle-1]], x.pages[int(handle)])
	})
}

func isStoreKey(k []byte) bool { return len(k) > 0 && len(k) <= maxStoreKey }

func millis(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

func (h *host) KVGet(store int32, key, value []byte, about *[2]uint64) int32 {
	return h.with("kv_get", store, func(s *Store, p *page) raw.Status {
		if !isStoreKey(key) {
			return raw.StatusInvalid
		}
		e, ok := s.at(string(key))
		if p.metadata = e.metadata; !ok {
			return raw.StatusAbsent
		}
		*about = [2]uint64{e.version, millis(e.expires)}
		return raw.Status(give(value, e.value))
	})
}

func (h *host) KVMetadata(store int32, value []byte) int32 {
	return h.with("kv_metadata", store, func(_ *Store, p *page) raw.Status { return raw.Status(give(value, p.metadata)) })
}

func (h *host) KVPut(store int32, key, value, metadata []byte, ttl int64, condition raw.Condition, version int64, about *uint64) int32 {
	return h.with("kv_put", store, func(s *Store, _ *page) raw.Status {
		d, ok := span(ttl)
		if !ok || condition > raw.ConditionIfVersion || condition == raw.ConditionIfVersion && version == 0 || !isStoreKey(key) ||
			len(value) > 1<<20 || len(metadata) > maxMetadata {
			return raw.StatusInvalid
		}
		old, there := s.at(string(key))
		if condition == raw.ConditionIfAbsent && there || condition == raw.ConditionIfVersion && old.version != uint64(version) {
			*about = old.version
			return raw.StatusConflict
		}
		e := entry{value: string(value), metadata: string(metadata)}
		if d > 0 {
			e.expires = h.node.Now.Add(d)
		}
		*about = s.put(string(key), e)
		return raw.StatusOK
	})
}

func (h *host) KVDelete(store int32, key []byte, condition raw.Condition, version int64) int32 {
	return h.with("kv_delete", store, func(s *Store, _ *page) raw.Status {
		if condition != raw.ConditionAlways && (condition != raw.ConditionIfVersion || version == 0) || !isStoreKey(key) {
			return raw.StatusInvalid
		}
		e, ok := s.at(string(key))
		switch {
		case condition == raw.ConditionIfVersion && e.version != uint64(version):
			return raw.StatusConflict
		case !ok:
			return raw.StatusAbsent
		}
		s.Delete(string(key))
		return raw.StatusOK
	})
}

func (h *host) KVAdd(store int32, key []byte, delta, ttl int64, sum *uint64) int32 {
	return h.with("kv_add", store, func(s *Store, _ *page) raw.Status {
		d, ok := span(ttl)
		if !ok || !isStoreKey(key) {
			return raw.StatusInvalid
		}
		e, there := s.at(string(key))
		var n int64
		if there {
			var err error
			if n, err = strconv.ParseInt(e.value, 10, 64); err != nil {
				return raw.StatusNotNumber
			}
		} else if d > 0 {
			e.expires = h.node.Now.Add(d)
		}
		if total := n + delta; (total > n) != (delta > 0) && delta != 0 {
			return raw.StatusLimit
		}
		n += delta
		e.value = strconv.FormatInt(n, 10)
		s.put(string(key), e)
		*sum = uint64(n)
		return raw.StatusOK
	})
}

func (h *host) KVList(store int32, prefix, cursor []byte, limit int32, to []byte) int32 {
	return h.with("kv_list", store, func(s *Store, p *page) raw.Status {
		if limit < 1 || limit > 1000 || len(prefix) > maxStoreKey {
			return raw.StatusInvalid
		}
		var b []byte
		n, last := int32(0), ""
		p.next = ""
		for _, k := range slices.Sorted(maps.Keys(s.entries)) {
			if !strings.HasPrefix(k, string(prefix)) || k <= string(cursor) {
				continue
			}
			e, ok := s.at(k)
			if !ok {
				continue
			}
			if n == limit {
				p.next = last
				break
			}
			b = binary.LittleEndian.AppendUint32(b, uint32(len(k)))
			b = binary.LittleEndian.AppendUint32(b, uint32(len(e.metadata)))
			b = binary.LittleEndian.AppendUint64(b, e.version)
			b = binary.LittleEndian.AppendUint64(b, millis(e.expires))
			b = append(append(b, k...), e.metadata...)
			n, last = n+1, k
		}
		return raw.Status(give(to, string(b)))
	})
}

func (h *host) KVListCursor(store int32, cursor []byte) int32 {
	return h.with("kv_list_cursor", store, func(_ *Store, p *page) raw.Status { return raw.Status(give(cursor, p.next)) })
}
