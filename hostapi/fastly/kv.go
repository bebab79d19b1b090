package fastly

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// The errors of KV stores, in the numbers of $kv_error.
const (
	kvFine = iota + 1
	kvBadRequest
	kvNotFound
	kvPreconditionFailed
	kvPayloadTooLarge
	kvInternal
	kvTooMany
)

const (
	// maxKVKey is the longest key.
	maxKVKey = 1024
	// maxKVValue is the largest value that is put, if the body is not held to less.
	maxKVValue = 25 << 20
	// maxPending bounds the operations that are under way at once.
	maxPending = 256
)

// store is an open KV store.
type store struct{ s services.Store }

// operation is an operation on a store, under way or done.
//
// States as pending's: the fields below done are the goroutine's until it is closed.
type operation struct {
	done chan struct{}

	err    error
	found  bool
	booked int // on the account of the run
	entry  services.Entry
}

func (o *operation) ready() <-chan struct{} { return o.done }

func kvOpen(c *call) status {
	name := c.text(0)
	if other, renamed := c.b.o.Config["kv."+name]; renamed {
		name = other
	}
	kv := c.b.o.Services.KV
	if kv == nil {
		return unsupported
	}
	if !c.b.o.AllKV && !c.b.stores[name] {
		c.put32(1, noHandle)
		return invalid // by which SDKs know that there is no such store
	}
	s, err := kv.Open(c.b.o.Owner, strings.Clone(name))
	if err != nil {
		c.put32(1, noHandle)
		if errors.Is(err, services.ErrInvalid) {
			return invalid // there is no store of such a name
		}
		return statusOf(err)
	}
	return c.open(1, &store{s})
}

// validKey tells whether a key can be one: neither empty nor a path's special
// members, without line ends.
func validKey(k string) bool {
	return k != "" && len(k) <= maxKVKey && k != "." && k != ".." && !strings.ContainsAny(k, "\r\n\x00#;?^|")
}

// onStore begins an operation on the store that the first parameter names and
// writes its handle to the result out. It carries so many bytes.
func (c *call) onStore(out, carried int, do func(ctx context.Context, s services.Store, o *operation)) status {
	s, found := find[store](c, c.u32(0))
	if !found {
		return badHandle
	}
	if c.operations >= maxPending {
		return limitExceeded
	}
	if !c.aside.add(carried) {
		return limitExceeded
	}
	c.operations++
	o := &operation{done: make(chan struct{}), booked: carried}
	t := c.turn
	go func() {
		defer close(o.done)
		if err := t.read(func() { do(t.ctx, s.s, o) }); err != nil {
			o.err = err
		} else if o.err == nil {
			t.book(o)
		}
	}()
	return c.open(out, o)
}

// finished waits for the operation that the first parameter names, and closes
// its handle.
func (c *call) finished() (*operation, status) {
	o, found := find[operation](c, c.u32(0))
	if !found {
		return nil, badHandle
	}
	if !c.await(o.done, false) {
		return nil, failed
	}
	c.handles.remove(c.u32(0))
	c.operations--
	c.aside.sub(o.booked)
	return o, ok
}

func kvError(err error) uint32 {
	_, conflict := errors.AsType[*services.ConflictError](err)
	switch {
	case err == nil:
		return kvFine
	case conflict:
		return kvPreconditionFailed
	case errors.Is(err, services.ErrInvalid):
		return kvBadRequest
	case errors.Is(err, services.ErrLimit):
		return kvPayloadTooLarge
	}
	return kvInternal
}

func (c *call) lookup(out int) status {
	key := strings.Clone(c.text(1))
	if !validKey(key) {
		return invalid
	}
	return c.onStore(out, len(key), func(ctx context.Context, s services.Store, o *operation) {
		o.found, o.err = s.Get(ctx, []byte(key), &o.entry)
	})
}

func kvLookup(c *call) status { return c.lookup(4) }

// lookupWait: handle, body, metadata and its length, generation, error.
func (c *call) lookupWait(generation func(v uint64)) status {
	room := c.view(2)
	o, found := find[operation](c, c.u32(0))
	if !found {
		return badHandle
	}
	if !c.await(o.done, false) {
		return failed
	}
	if len(o.entry.Metadata) > len(room) {
		// The guest comes again with more room, so the handle stays.
		c.put32(3, uint32(len(o.entry.Metadata)))
		return bufferLength
	}
	c.finished()
	c.put32(1, noHandle)
	switch {
	case o.err != nil:
		c.put32(5, kvError(o.err))
		return ok
	case !o.found:
		c.put32(5, kvNotFound)
		return ok
	}
	c.put32(3, uint32(copy(room, o.entry.Metadata)))
	generation(o.entry.Version)
	c.put32(5, kvFine)
	return c.openBytes(1, o.entry.Value)
}

// kvLookupWait is the older form, whose generation is always 0.
func kvLookupWait(c *call) status {
	return c.lookupWait(func(uint64) { c.put32(4, 0) })
}

func kvLookupWaitV2(c *call) status {
	return c.lookupWait(func(v uint64) { c.put64(4, v) })
}

// whole reads a body to its end and closes its handle.
func (c *call) whole(handle uint32, most int64) ([]byte, status) {
	b, found := find[body](c, handle)
	if !found || b.out != nil {
		return nil, badHandle
	}
	c.handles.remove(handle)
	defer b.abandon(errUnfinished)
	var all []byte
	buf := make([]byte, readAhead)
	defer func() { c.aside.sub(len(all)) }() // what becomes of it books it again
	for {
		n, st := c.readBody(b, buf)
		if st == ok && !c.aside.add(n) {
			return nil, limitExceeded
		}
		all = append(all, buf[:n]...)
		switch {
		case st != ok:
			return nil, st
		case int64(len(all)) > most:
			return nil, limitExceeded
		case n == 0:
			return all, ok
		}
	}
}

// put begins to put a value: mode 0 replaces, 1 adds, 2 appends, 3 prepends.
func (c *call) put(key string, value []byte, mode uint32, opts services.PutOptions, out int) status {
	return c.onStore(out, len(key)+len(value)+len(opts.Metadata), func(ctx context.Context, s services.Store, o *operation) {
		switch mode {
		case 1:
			opts.IfAbsent = true
		case 2, 3:
			o.err = extend(ctx, s, key, value, mode == 3, opts)
			return
		}
		_, o.err = s.Put(ctx, []byte(key), value, opts)
	})
}

// extend puts a value behind, or before, the one that is there.
func extend(ctx context.Context, s services.Store, key string, value []byte, before bool, opts services.PutOptions) error {
	for range 32 {
		var e services.Entry
		found, err := s.Get(ctx, []byte(key), &e)
		if err != nil {
			return err
		}
		o, all := opts, append(e.Value, value...)
		if before {
			all = append(append([]byte(nil), value...), e.Value...)
		}
		if o.IfVersion == 0 {
			o.IfAbsent, o.IfVersion = !found, e.Version
		}
		if _, err = s.Put(ctx, []byte(key), all, o); err == nil {
			return nil
		}
		if _, conflict := errors.AsType[*services.ConflictError](err); !conflict || opts.IfVersion != 0 {
			return err
		}
	}
	return services.ErrLimit
}

// kvInsert reads the whole body at once.
//
//	$kv_insert_config: mode 0, metadata 8 +12, time to live 16, generation 24 (64 bits)
func kvInsert(c *call) status {
	const metadata, timeToLive, generation = 1 << 3, 1 << 4, 1 << 5
	if _, found := find[store](c, c.u32(0)); !found {
		return badHandle
	}
	key, mask := strings.Clone(c.text(1)), c.u32(3)
	record, inside := c.memory.View(c.u32(4), 32)
	if !validKey(key) || !inside {
		return invalid
	}
	m := hostcall.MemoryOf(record)
	mode, _ := m.ReadUint32(0)
	var opts services.PutOptions
	if mask&metadata != 0 {
		ptr, _ := m.ReadUint32(8)
		n, _ := m.ReadUint32(12)
		text, inside := c.memory.View(ptr, n)
		if !inside || n > 2000 {
			return invalid
		}
		opts.Metadata = append([]byte(nil), text...)
	}
	if mask&timeToLive != 0 {
		s, _ := m.ReadUint32(16)
		if s == 0 {
			return invalid
		}
		opts.TTL = time.Duration(s) * time.Second
	}
	if mask&generation != 0 {
		opts.IfVersion, _ = m.ReadUint64(24)
	}
	if mode > 3 {
		return invalid
	}
	value, st := c.whole(c.u32(2), maxKVValue)
	if st != ok {
		return st
	}
	return c.put(key, value, mode, opts, 5)
}

func kvInsertWait(c *call) status {
	o, st := c.finished()
	if st == ok {
		c.put32(1, kvError(o.err))
	}
	return st
}

func (c *call) remove(out int) status {
	key := strings.Clone(c.text(1))
	if !validKey(key) {
		return invalid
	}
	return c.onStore(out, len(key), func(ctx context.Context, s services.Store, o *operation) {
		o.found, o.err = s.Delete(ctx, []byte(key), 0)
	})
}

func kvDelete(c *call) status { return c.remove(4) }

func kvDeleteWait(c *call) status {
	o, st := c.finished()
	if st != ok {
		return st
	}
	if o.err == nil && !o.found {
		c.put32(1, kvNotFound)
		return ok
	}
	c.put32(1, kvError(o.err))
	return ok
}

// kvList lists keys.
//
//	$kv_list_config: mode 0, cursor 4 +8, limit 12, prefix 16 +20
func kvList(c *call) status {
	const hasCursor, hasLimit, hasPrefix = 2, 4, 8
	mask := c.u32(1)
	record, inside := c.memory.View(c.u32(2), 24)
	if !inside {
		return invalid
	}
	m := hostcall.MemoryOf(record)
	limit, cursor, prefix := 100, "", ""
	if mask&hasLimit != 0 {
		n, _ := m.ReadUint32(12)
		if n == 0 || n > 1000 {
			return invalid
		}
		limit = int(n)
	}
	if mask&hasCursor != 0 {
		s, valid := c.field(m, 4)
		b, err := base64.StdEncoding.DecodeString(s)
		if !valid || s == "" || err != nil {
			return invalid
		}
		cursor = string(b)
	}
	if mask&hasPrefix != 0 {
		s, valid := c.field(m, 16)
		if !valid || s == "" {
			return invalid
		}
		prefix = s
	}
	mode, _ := m.ReadUint32(0)
	return c.onStore(3, len(prefix), func(ctx context.Context, s services.Store, o *operation) {
		var page services.Page
		page, o.err = s.List(ctx, []byte(prefix), cursor, limit)
		o.entry.Value = listing(page, limit, prefix, mode)
	})
}

// listing is a page in the JSON that the SDKs read.
func listing(p services.Page, limit int, prefix string, mode uint32) []byte {
	type meta struct {
		Limit  int    `json:"limit"`
		Next   string `json:"next_cursor,omitempty"`
		Prefix string `json:"prefix,omitempty"`
		Mode   string `json:"mode,omitempty"`
	}
	var answer struct {
		Data []string `json:"data"`
		Meta meta     `json:"meta"`
	}
	answer.Data = []string{}
	for _, e := range p.Entries {
		answer.Data = append(answer.Data, string(e.Key))
	}
	answer.Meta = meta{Limit: limit, Prefix: prefix}
	if mode == 1 {
		answer.Meta.Mode = "eventual"
	}
	if p.Next != "" {
		answer.Meta.Next = base64.StdEncoding.EncodeToString([]byte(p.Next))
	}
	b, err := json.Marshal(answer)
	if err != nil {
		return []byte(`{"data":[],"meta":{}}`) // keys are text, so it is not
	}
	return b
}

func kvListWait(c *call) status {
	o, st := c.finished()
	if st != ok {
		return st
	}
	c.put32(1, noHandle)
	c.put32(2, kvError(o.err))
	if o.err != nil {
		return ok
	}
	return c.openBytes(1, o.entry.Value)
}

// The older functions of object stores.

func objectLookup(c *call) status {
	s, found := find[store](c, c.u32(0))
	if !found {
		return badHandle
	}
	key := strings.Clone(c.text(1))
	if !validKey(key) {
		return invalid
	}
	var e services.Entry
	there, err := s.s.Get(c.host.Context(), []byte(key), &e)
	return c.object(2, there, e.Value, err)
}

// object gives the value that was looked up, as the result i.
func (c *call) object(i int, found bool, value []byte, err error) status {
	switch {
	case err != nil:
		return statusOf(err)
	case !found:
		c.put32(i, noHandle)
		return none
	}
	return c.openBytes(i, value)
}

func objectLookupAsync(c *call) status { return c.lookup(2) }

func objectLookupWait(c *call) status {
	o, st := c.finished()
	if st != ok {
		return st
	}
	return c.object(1, o.found, o.entry.Value, o.err)
}

func objectInsert(c *call) status {
	s, found := find[store](c, c.u32(0))
	if !found {
		return badHandle
	}
	key := strings.Clone(c.text(1))
	if !validKey(key) {
		return invalid
	}
	value, st := c.whole(c.u32(2), maxKVValue)
	if st != ok {
		return st
	}
	_, err := s.s.Put(c.host.Context(), []byte(key), value, services.PutOptions{})
	return statusOf(err)
}

func objectInsertAsync(c *call) status {
	if _, found := find[store](c, c.u32(0)); !found {
		return badHandle
	}
	key := strings.Clone(c.text(1))
	if !validKey(key) {
		return invalid
	}
	value, st := c.whole(c.u32(2), maxKVValue)
	if st != ok {
		return st
	}
	return c.put(key, value, 0, services.PutOptions{}, 3)
}

func objectInsertWait(c *call) status {
	o, st := c.finished()
	if st != ok {
		return st
	}
	return statusOf(o.err)
}

func objectDeleteAsync(c *call) status { return c.remove(2) }

func objectDeleteWait(c *call) status {
	o, st := c.finished()
	if st != ok {
		return st
	}
	if o.err == nil && !o.found {
		return none
	}
	return statusOf(o.err)
}
