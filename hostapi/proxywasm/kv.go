package proxywasm

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// mostHandles bounds the stores that a stream can open, mostKeys what one scan returns.
const (
	mostHandles = 64
	mostKeys    = 1000
)

// store opens a store that the binding permits.
func (s *session) store(name string) (services.Store, status) {
	kv := s.b.o.Services.KV
	if kv == nil {
		return nil, unimplemented
	}
	if !s.b.o.AllKV && !s.b.stores[name] {
		s.b.denied.Add(1)
		return nil, badArgument
	}
	st, err := kv.Open(s.b.o.Owner, strings.Clone(name))
	return st, statusOf(err)
}

func kvOpen(s *session, a []uint64) status {
	name, valid := s.text(a, 0)
	if !valid || !within(s.call.Memory(), uint32(a[2])) {
		return invalidMemory
	}
	if len(s.handles) >= mostHandles {
		return internalFailure
	}
	st, r := s.store(name)
	if r != ok {
		return r
	}
	s.handles = append(s.handles, st)
	return s.put(a, 2, uint32(len(s.handles)))
}

func (s *session) handle(h uint64) services.Store {
	if i := uint32(h); i >= 1 && int64(i) <= int64(len(s.handles)) {
		return s.handles[i-1]
	}
	return nil
}

func kvGet(s *session, a []uint64) status {
	key, valid := s.view(a, 1)
	st := s.handle(a[0])
	switch {
	case !valid:
		return invalidMemory
	case st == nil:
		return badArgument
	}
	v, r := s.get(st, key)
	if r != ok {
		return r
	}
	return s.give(a, 3, alias(v))
}

func (s *session) get(st services.Store, key []byte) ([]byte, status) {
	var e services.Entry
	found, err := st.Get(s.context(), key, &e)
	switch {
	case err != nil:
		return nil, statusOf(err)
	case !found:
		return nil, notFound
	}
	return e.Value, ok
}

// context ends with the guest's wall time.
func (s *session) context() context.Context { return s.call.Context() }

// kvScan writes the keys with a prefix: the count, their lengths, then their bytes, each with a NUL behind it.
func kvScan(s *session, a []uint64) status {
	pattern, valid := s.text(a, 1)
	st := s.handle(a[0])
	prefix, wild := strings.CutSuffix(pattern, "*")
	switch {
	case !valid:
		return invalidMemory
	case st == nil || !wild || strings.ContainsAny(prefix, "*?["):
		return badArgument
	}
	page, err := st.List(s.context(), []byte(prefix), "", mostKeys)
	if err != nil {
		return statusOf(err)
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(page.Entries)))
	for _, e := range page.Entries {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(e.Key)))
	}
	for _, e := range page.Entries {
		out = append(append(out, e.Key...), 0)
	}
	return s.give(a, 3, alias(out))
}
