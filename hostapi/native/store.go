package native

import (
	"bytes"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/abi"
)

// held is a value that did not fit into the guest's buffer: the next try of
// the same call gets it.
type held struct {
	key, value []byte
	waiting    bool
}

// again returns the value if it is held for that key.
func (h *held) again(key []byte) ([]byte, bool) {
	if !h.waiting || !bytes.Equal(h.key, key) {
		return nil, false
	}
	return h.value, true
}

// give gives the value and holds it as long as it does not fit.
func (h *held) give(s *Session, key, buf, value []byte) int64 {
	h.waiting = len(value) > len(buf)
	if h.waiting {
		h.key, h.value = append(h.key[:0], key...), value
	}
	return s.giveBytes(buf, value)
}

// storeGet writes the value.
//
//	store_get(key=0, key_len=1, value=2, capacity=4) of a = "xy"
//
//	        k   value
//	memory  a ? x y ? ? ...
//	        0   2   4
//	result  2
func storeGet(s *Session, a []uint64) int64 {
	key, buf := s.view(a, 0), s.room(a, 2)
	if s.b.o.Services.Cache == nil {
		return status(abi.StatusUnavailable)
	}
	if v, ok := s.held.again(key); ok {
		return s.held.give(s, key, buf, v)
	}
	v, found, err := s.b.o.Services.Cache.Get(s.call.Context(), s.b.o.Owner, key, nil)
	if err != nil {
		return status(statusOf(err))
	}
	if !found {
		return status(abi.StatusAbsent)
	}
	return s.held.give(s, key, buf, v)
}

// storePut reads key, value and tags; nothing is written.
func storePut(s *Session, a []uint64) int64 {
	key, value, list := s.view(a, 0), s.view(a, 2), s.text(a, 5)
	ttl, ok := milliseconds(a[4])
	if !ok || ttl == 0 || len(key) == 0 {
		return status(abi.StatusInvalid)
	}
	if s.b.o.Services.Cache == nil {
		return status(abi.StatusUnavailable)
	}
	var tags []string
	for t := range strings.FieldsSeq(list) {
		if !isTag(t) {
			return status(abi.StatusInvalid)
		}
		if len(tags) == maxTags {
			return status(abi.StatusLimit)
		}
		tags = append(tags, strings.Clone(t))
	}
	return status(statusOf(s.b.o.Services.Cache.Put(s.call.Context(), s.b.o.Owner, key, value, ttl, tags)))
}

// storeDelete reads the key; nothing is written.
func storeDelete(s *Session, a []uint64) int64 {
	key := s.view(a, 0)
	if s.b.o.Services.Cache == nil {
		return status(abi.StatusUnavailable)
	}
	existed, err := s.b.o.Services.Cache.Delete(s.call.Context(), s.b.o.Owner, key)
	if err == nil && !existed {
		return status(abi.StatusAbsent)
	}
	return status(statusOf(err))
}

// purgeTag reads the tag; nothing is written.
func purgeTag(s *Session, a []uint64) int64 {
	tag, soft := s.text(a, 0), uint32(a[2])
	if !isTag(tag) || soft > 1 {
		return status(abi.StatusInvalid)
	}
	if s.b.o.Services.Cache == nil {
		return status(abi.StatusUnavailable)
	}
	n, err := s.b.o.Services.Cache.PurgeTag(s.call.Context(), s.b.o.Owner, tag, soft == 1)
	if err != nil {
		return status(statusOf(err))
	}
	return int64(min(n, 1<<31-1))
}
