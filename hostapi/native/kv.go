package native

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// maxStores bounds the stores that one function has open in an exchange.
const maxStores = 16

// store is an open store: a handle is its place in the session's list, plus 1.
type store struct {
	store services.Store
	name  string
	// entry is what kv_get found last under key; waiting tells that it did not
	// fit, so that the next try of the same call gets it.
	entry   services.Entry
	key     []byte
	waiting bool
	// page is what kv_list made last, for the same reason, and next its cursor.
	page     []byte
	asked    []byte // prefix, cursor and limit of that page
	pageWait bool
	next     string
}

func (s *Session) storeOf(handle uint64) *store {
	if i := int64(int32(handle)); i >= 1 && i <= int64(len(s.stores)) {
		return &s.stores[i-1]
	}
	return nil
}

// kvOpen reads the name; nothing is written.
func kvOpen(s *Session, a []uint64) int64 {
	name := s.text(a, 0)
	if !s.b.o.AllKV && !s.b.stores[name] {
		return s.refused(abi.StatusNotAllowed)
	}
	for i := range s.stores {
		if s.stores[i].name == name {
			return int64(i + 1)
		}
	}
	if s.b.o.Services.KV == nil {
		return status(abi.StatusUnavailable)
	}
	if len(s.stores) == maxStores {
		return status(abi.StatusLimit)
	}
	name = strings.Clone(name)
	st, err := s.b.o.Services.KV.Open(s.b.o.Owner, name)
	if err != nil {
		return status(statusOf(err))
	}
	s.stores = append(s.stores, store{store: st, name: name})
	return int64(len(s.stores))
}

// kvGet writes the value, and what is known about it.
//
//	kv_get(store=1, key=0, key_len=1, value=2, capacity=2, about=8) of a = "xy"
//
//	        k   value     version          expires
//	memory  a ? x y ? ? ? ? 7 0 0 0 0 0 0 0  0 0 0 0 0 0 0 0  ? ...
//	        0   2           8                16               24
//	result  2
func kvGet(s *Session, a []uint64) int64 {
	st, key, buf, about := s.storeOf(a[0]), s.view(a, 1), s.room(a, 3), s.fixed(a, 5, 16)
	if st == nil {
		return status(abi.StatusBadHandle)
	}
	if !st.waiting || !bytes.Equal(st.key, key) {
		st.waiting = false
		found, err := st.store.Get(s.call.Context(), key, &st.entry)
		if err != nil || !found {
			st.entry.Metadata = st.entry.Metadata[:0]
			if err == nil {
				return status(abi.StatusAbsent)
			}
			return status(statusOf(err))
		}
	}
	binary.LittleEndian.PutUint64(about, st.entry.Version)
	binary.LittleEndian.PutUint64(about[8:], unixMilli(st.entry.Expires))
	if st.waiting = len(st.entry.Value) > len(buf); st.waiting {
		st.key = append(st.key[:0], key...)
	}
	return s.giveBytes(buf, st.entry.Value)
}

// unixMilli is 0 for the zero time, which is never.
func unixMilli(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

// kvMetadata writes the metadata that kv_get found.
func kvMetadata(s *Session, a []uint64) int64 {
	st, buf := s.storeOf(a[0]), s.room(a, 1)
	if st == nil {
		return status(abi.StatusBadHandle)
	}
	return s.giveBytes(buf, st.entry.Metadata)
}

// kvPut reads key, value and metadata, and writes a version.
//
//	kv_put(store=1, key=0, key_len=1, value=1, value_len=2, …, about=8)
//
//	        k v               version
//	memory  a x y ? ? ? ? ?   8 0 0 0 0 0 0 0  ? ...
//	        0 1               8                16
//	result  0
func kvPut(s *Session, a []uint64) int64 {
	st, key, value, metadata, about := s.storeOf(a[0]), s.view(a, 1), s.view(a, 3), s.view(a, 5), s.fixed(a, 10, 8)
	ttl, ok := milliseconds(a[7])
	o := services.PutOptions{TTL: ttl, Metadata: metadata}
	switch abi.Condition(a[8]) {
	case abi.ConditionAlways:
	case abi.ConditionIfAbsent:
		o.IfAbsent = true
	case abi.ConditionIfVersion:
		o.IfVersion = a[9]
		ok = ok && a[9] != 0
	default:
		ok = false
	}
	if st == nil {
		return status(abi.StatusBadHandle)
	}
	if !ok {
		return status(abi.StatusInvalid)
	}
	version, err := st.store.Put(s.call.Context(), key, value, o)
	if conflict, ok := errors.AsType[*services.ConflictError](err); ok {
		version = conflict.Current
	} else if err != nil {
		return status(statusOf(err))
	}
	binary.LittleEndian.PutUint64(about, version)
	return status(statusOf(err))
}

// kvDelete reads the key; nothing is written.
func kvDelete(s *Session, a []uint64) int64 {
	st, key, version := s.storeOf(a[0]), s.view(a, 1), a[4]
	switch abi.Condition(a[3]) {
	case abi.ConditionAlways:
		version = 0
	case abi.ConditionIfVersion:
		if version == 0 {
			return status(abi.StatusInvalid)
		}
	default:
		return status(abi.StatusInvalid)
	}
	if st == nil {
		return status(abi.StatusBadHandle)
	}
	existed, err := st.store.Delete(s.call.Context(), key, version)
	if err == nil && !existed {
		return status(abi.StatusAbsent)
	}
	return status(statusOf(err))
}

// kvAdd reads the key and writes the sum.
//
//	kv_add(store=1, key=0, key_len=1, delta=2, ttl=0, sum=8)
//
//	        k                 sum
//	memory  a ? ? ? ? ? ? ?   2 0 0 0 0 0 0 0  ? ...
//	        0                 8                16
//	result  0
func kvAdd(s *Session, a []uint64) int64 {
	st, key, sum := s.storeOf(a[0]), s.view(a, 1), s.fixed(a, 5, 8)
	ttl, ok := milliseconds(a[4])
	if st == nil {
		return status(abi.StatusBadHandle)
	}
	if !ok {
		return status(abi.StatusInvalid)
	}
	n, err := st.store.Add(s.call.Context(), key, int64(a[3]), ttl)
	if err != nil {
		return status(statusOf(err))
	}
	binary.LittleEndian.PutUint64(sum, uint64(n))
	return 0
}

// kvList writes a page.
//
//	kv_list(store=1, prefix=0, prefix_len=0, cursor=0, cursor_len=0, limit=10, page=0, capacity=32), one entry: a
//
//	        len(key) len(metadata) version          expires          key
//	memory  1 0 0 0  0 0 0 0       7 0 0 0 0 0 0 0  0 0 0 0 0 0 0 0  a   ? ...
//	        0        4             8                16               24  25
//	result  25
func kvList(s *Session, a []uint64) int64 {
	st, prefix, cursor, limit, buf := s.storeOf(a[0]), s.view(a, 1), s.view(a, 3), int32(a[5]), s.room(a, 6)
	if st == nil {
		return status(abi.StatusBadHandle)
	}
	if limit < 1 || limit > 1000 || len(prefix) > 1024 || len(cursor) > 4096 {
		return status(abi.StatusInvalid)
	}
	asked := binary.LittleEndian.AppendUint32(make([]byte, 0, 8+len(prefix)+len(cursor)), uint32(limit))
	asked = binary.LittleEndian.AppendUint32(asked, uint32(len(prefix)))
	asked = append(append(asked, prefix...), cursor...)
	if !st.pageWait || !bytes.Equal(st.asked, asked) {
		st.pageWait = false
		page, err := st.store.List(s.call.Context(), prefix, string(cursor), int(limit))
		if err != nil {
			return status(statusOf(err))
		}
		st.page, st.next, st.asked = appendPage(st.page[:0], page.Entries), page.Next, asked
	}
	st.pageWait = len(st.page) > len(buf)
	return s.giveBytes(buf, st.page)
}

func appendPage(b []byte, entries []services.Listed) []byte {
	for i := range entries {
		e := &entries[i]
		b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Key)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Metadata)))
		b = binary.LittleEndian.AppendUint64(b, e.Version)
		b = binary.LittleEndian.AppendUint64(b, unixMilli(e.Expires))
		b = append(append(b, e.Key...), e.Metadata...)
	}
	return b
}

// kvListCursor writes the cursor of the page after the last one.
func kvListCursor(s *Session, a []uint64) int64 {
	st, buf := s.storeOf(a[0]), s.room(a, 1)
	if st == nil {
		return status(abi.StatusBadHandle)
	}
	return s.give(buf, st.next)
}
