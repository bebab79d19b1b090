package fastly

import (
	"io"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// maxCacheKey is the longest key of the core cache: what Fastly's own takes.
const maxCacheKey = 8135

// mostVary is by how many fields something may vary: whoever looks for it compares them all.
const mostVary = 64

// maxLife is the longest time that anything is kept or said to be old: sums of it are times still.
const maxLife = 100 * 365 * 24 * time.Hour

// entry is what a lookup found, and what its holder may or must put there.
//
// States: looking (done is open, and the rest the lookup's); there (done is closed); given back, when flight is nil and
// nothing is owed any more.
type entry struct {
	booking
	copied
	key    string
	header exchange.Header // of the request that Vary is judged by
	may    bool            // it may be inserted without being asked to: a replace

	done   chan struct{}
	object *object // nil: nothing usable
	stale  bool
	flight *flight         // not nil: the holder is to insert or update
	since  services.Insert // begun when it became the holder's to insert; nil: now
	reader uint32          // handle of the body that was read last
	by     *turn           // that looks
	full   bool            // there is something, and the run holds too much already
}

func (e *entry) shelf() *shelf { return &shelf{space: "fastly.core", key: e.key, header: &e.header} }

func (e *entry) ready() <-chan struct{} { return e.done }

// abandon gives up what is owed, so that one of those who wait takes over, and what was found.
func (e *entry) abandon(error) {
	give := func() {
		e.land()
		if e.object != nil {
			e.by.release(e.object)
		}
	}
	select {
	case <-e.done:
		give()
	default:
		go func() {
			<-e.done
			give()
		}()
	}
}

func (e *entry) land() {
	if e.flight != nil {
		e.flight.land()
		e.flight = nil
	}
}

// newEntry is a lookup of the key that is the first parameter, with the options behind it.
//
//	$cache_lookup_options: request headers 0
func (c *call) newEntry() (*entry, status) {
	const headers, alwaysRange = 2, 8
	key, mask := c.text(0), c.u32(1)
	if key == "" || len(key) > maxCacheKey {
		return nil, invalid
	}
	if c.b.o.Services.Cache == nil || mask&^(headers|alwaysRange) != 0 {
		return nil, unsupported
	}
	e := &entry{key: strings.Clone(key), done: make(chan struct{}), by: c.turn}
	if mask&headers != 0 {
		n, inside := c.memory.ReadUint32(c.u32(2))
		if !inside {
			return nil, invalid
		}
		r, found := c.request(n)
		if !found {
			return nil, badHandle
		}
		e.header.CopyFrom(&r.header)
	}
	return e, ok
}

// cacheLookup looks without waiting for anybody; what is still being inserted is found too, and read as it comes.
func cacheLookup(c *call) status {
	e, st := c.newEntry()
	if st != ok {
		return st
	}
	if e.object, e.stale, _ = c.b.stored(c.ctx, e); e.object == nil || e.stale {
		if o := c.b.inserts.of(e.shelf(), nil); o != nil {
			e.object, e.stale = o, false
		}
	}
	c.b.settle(e)
	close(e.done)
	return c.open(3, e)
}

func (c *call) begin() (*entry, status) {
	e, st := c.newEntry()
	if st != ok {
		return nil, st
	}
	b, ctx := c.b, c.ctx
	if !c.beside(func() { b.transaction(ctx, e) }) {
		return nil, limitExceeded
	}
	return e, ok
}

// cacheTransaction looks, and waits for whoever fetches the same; if nobody
// does, it is this one who is to.
func cacheTransaction(c *call) status {
	e, st := c.begin()
	if st != ok {
		return st
	}
	if !c.await(e.done, false) {
		e.abandon(nil)
		return failed
	}
	return c.open(3, e)
}

func cacheTransactionAsync(c *call) status {
	e, st := c.begin()
	if st != ok {
		return st
	}
	return c.open(3, e)
}

// cacheReplace looks, and may insert whatever it finds.
func cacheReplace(c *call) status {
	const headers = 2
	key := c.text(0)
	if key == "" || len(key) > maxCacheKey {
		return invalid
	}
	if c.b.o.Services.Cache == nil {
		return unsupported
	}
	e := &entry{key: strings.Clone(key), done: make(chan struct{}), by: c.turn, may: true}
	if c.u32(1)&headers != 0 {
		n, inside := c.memory.ReadUint32(c.u32(2))
		r, found := c.request(n)
		if !inside || !found {
			return badHandle
		}
		e.header.CopyFrom(&r.header)
	}
	e.since = c.b.o.Services.Cache.Begin(c.b.o.Owner, nil)
	e.object, e.stale, _ = c.b.stored(c.ctx, e)
	c.b.settle(e)
	close(e.done)
	return c.open(3, e)
}

// onEntry runs f on the entry whose handle is the first parameter, when it is there.
func onEntry(c *call, f func(e *entry) status) status {
	e, found := find[entry](c, c.u32(0))
	if !found {
		return badHandle
	}
	if !c.await(e.done, false) {
		return failed
	}
	c.charge(e.counted())
	if e.full {
		return limitExceeded
	}
	return f(e)
}

func cacheBusyWait(c *call) status {
	return onEntry(c, func(e *entry) status {
		c.handles.remove(c.u32(0))
		return c.open(1, e)
	})
}

func cacheCloseBusy(c *call) status { return cacheClose(c) }

func cacheClose(c *call) status {
	e, found := takeAway[entry](c, c.u32(0))
	if !found {
		return badHandle
	}
	e.abandon(nil)
	return ok
}

func cacheCancel(c *call) status {
	return onEntry(c, func(e *entry) status {
		if e.flight == nil {
			return badHandle
		}
		e.land()
		return ok
	})
}

func cacheState(c *call) status {
	const found, usable, stale, mustInsert = 1, 2, 4, 8
	return onEntry(c, func(e *entry) status {
		state := uint32(0)
		if e.object != nil {
			state |= found | usable
			if e.stale {
				state |= stale
			}
		}
		if e.flight != nil {
			state |= mustInsert
		}
		c.put32(1, state)
		return ok
	})
}

// onObject runs f on what was found.
func onObject(c *call, f func(o *object) status) status {
	return onEntry(c, func(e *entry) status {
		if e.object == nil {
			return none
		}
		return f(e.object)
	})
}

func cacheMetadata(c *call) status {
	return onObject(c, func(o *object) status { return c.give(1, 2, string(o.meta.Metadata)) })
}

func cacheLength(c *call) status {
	return onObject(c, func(o *object) status {
		n, known := o.length()
		if !known {
			return none
		}
		c.put64(1, uint64(n))
		return ok
	})
}

func cacheMaxAge(c *call) status {
	return onObject(c, func(o *object) status {
		c.put64(1, uint64(o.meta.MaxAge))
		return ok
	})
}

func cacheStale(c *call) status {
	return onObject(c, func(o *object) status {
		c.put64(1, uint64(o.meta.Stale))
		return ok
	})
}

func cacheHits(c *call) status {
	return onObject(c, func(o *object) status {
		c.put64(1, c.b.hits.of(o))
		return ok
	})
}

func cacheAge(c *call) status {
	return onObject(c, func(o *object) status {
		c.put64(1, uint64(o.age(time.Now())))
		return ok
	})
}

// cacheBody opens a range of what was found; the one opened before must be closed.
//
//	$cache_get_body_options: from 0, to 8 (inclusive)
func cacheBody(c *call) status {
	const from, to = 2, 4
	return onEntry(c, func(e *entry) status {
		if e.object == nil {
			return none
		}
		mask := c.u32(1)
		if mask&^(from|to) != 0 {
			return unsupported
		}
		if _, open := find[body](c, e.reader); open {
			return invalid
		}
		first, last := int64(0), int64(-1)
		if mask != 0 {
			record, inside := c.memory.View(c.u32(2), 16)
			if !inside {
				return invalid
			}
			m := hostcall.MemoryOf(record)
			if v, _ := m.ReadUint64(0); mask&from != 0 {
				first = int64(min(v, 1<<62))
			}
			if v, _ := m.ReadUint64(8); mask&to != 0 {
				last = int64(min(v, 1<<62))
			}
			if last >= 0 && last < first {
				return invalid
			}
		}
		b := newBody(c.held)
		length := int64(-1)
		if n, known := e.object.length(); known {
			if last < 0 || last >= n {
				last = n - 1
			}
			if first > n { // what lies outside is not a range: the whole is given
				first, last = 0, n-1
			}
			length = last - first + 1
		}
		b.add(chunk{src: newSource(e.object.content.reader(first, last), false), length: length})
		st := c.open(3, b)
		if st == ok {
			e.reader, _ = c.memory.ReadUint32(c.u32(3))
		}
		return st
	})
}

// writeOptions reads how something is to be kept.
//
//	$cache_write_options: max age 0, request headers 8, Vary 12 +16, initial age 24, stale while revalidate 32,
//	surrogate keys 40 +44, length 48, metadata 56 +60, …
func (c *call) writeOptions(mask, at uint32, header *exchange.Header) (m meta, st status) {
	const headers, vary, initialAge, stale, keys, length, metadata, sensitive, edgeAge = 2, 4, 8, 16, 32, 64, 128, 256, 512
	record, inside := c.memory.View(at, 80)
	if !inside {
		return m, invalid
	}
	if mask&^(headers|vary|initialAge|stale|keys|length|metadata|sensitive|edgeAge) != 0 || mask&headers != 0 && header == nil {
		return m, invalid
	}
	r := hostcall.MemoryOf(record)
	duration := func(off uint32) time.Duration {
		v, _ := r.ReadUint64(off)
		return min(time.Duration(min(v, 1<<62)), maxLife)
	}
	m = meta{MaxAge: duration(0), Length: -1, Inserted: time.Now()}
	if mask&headers != 0 {
		n, _ := r.ReadUint32(8)
		q, found := c.request(n)
		if !found {
			return m, badHandle
		}
		header.CopyFrom(&q.header)
	}
	if mask&vary != 0 {
		s, valid := c.field(r, 12)
		if !valid {
			return m, invalid
		}
		for name := range strings.FieldsSeq(s) {
			if fieldName(name) != ok || len(m.Vary) == mostVary {
				return m, invalid
			}
			m.Vary = append(m.Vary, strings.ToLower(name))
		}
	}
	if mask&initialAge != 0 {
		m.InitialAge = duration(24)
	}
	if mask&stale != 0 {
		m.Stale = duration(32)
	}
	if mask&keys != 0 {
		s, valid := c.field(r, 40)
		if !valid {
			return m, invalid
		}
		m.Tags = strings.Fields(s)
	}
	if mask&length != 0 {
		n, _ := r.ReadUint64(48)
		m.Length = int64(min(n, 1<<62))
	}
	if mask&metadata != 0 {
		s, valid := c.field(r, 56)
		if !valid {
			return m, invalid
		}
		m.Metadata = []byte(s)
	}
	if mask&edgeAge != 0 && duration(64) > m.MaxAge {
		return m, invalid
	}
	return m, ok
}

// insertInto opens the body that is kept under the entry, and returns what is kept.
func (c *call) insertInto(e *entry, m meta, out int) (*object, status) {
	o := c.b.begin(m, newGrowing(c.held, c.ctx.Done()), e.since, "")
	f, p, b := e.flight, e.shelf(), c.b
	e.flight, e.may, e.since = nil, false, nil
	return o, c.insert(&insertion{shelf: p, object: o, by: c.turn}, f, out, true, func() { b.keep(p, o, o.life()) })
}

// insert opens the body of an insertion as the result out. Once all of its content has been written, keep is called; then,
// or if it is not written to its end, the flight lands, if there is one. waits tells that who closes the body waits for that.
func (c *call) insert(n *insertion, f *flight, out int, waits bool, keep func()) status {
	b := newBody(c.held)
	b.carried = n.weight()
	in := b.stream(c.held)
	after := make(chan struct{})
	if waits {
		b.after = after
	}
	if st := c.open(out, b); st != ok {
		if f != nil {
			f.land()
		}
		return st
	}
	all, o := &c.b.inserts, n.object
	all.begin(n, f)
	go func() {
		defer close(after)
		defer all.end(n)
		if f != nil {
			defer f.land()
		}
		defer in.Close()
		buf := make([]byte, readAhead)
		for {
			n, err := in.Read(buf)
			if !o.content.write(buf[:n]) {
				err = io.ErrShortBuffer
			}
			// With as much as was announced it is whole: a program need not say so once more.
			if err == io.EOF || err == nil && o.meta.Length >= 0 && o.meta.Length == o.content.size() {
				break
			}
			if err != nil {
				o.content.end(err)
				return
			}
		}
		if o.meta.Length >= 0 && o.meta.Length != o.content.size() {
			o.content.end(io.ErrUnexpectedEOF)
			return
		}
		if !o.content.passes() {
			keep()
		}
		o.content.end(nil)
	}()
	return ok
}

func cacheInsert(c *call) status {
	key := c.text(0)
	if key == "" || len(key) > maxCacheKey {
		return invalid
	}
	if c.b.o.Services.Cache == nil {
		return unsupported
	}
	e := &entry{key: strings.Clone(key)}
	m, st := c.writeOptions(c.u32(1), c.u32(2), &e.header)
	if st != ok {
		return st
	}
	_, st = c.insertInto(e, m, 3)
	return st
}

// owed is the entry whose holder may insert.
func (c *call) owed(f func(e *entry) status) status {
	return onEntry(c, func(e *entry) status {
		if e.flight == nil && !e.may {
			return badHandle
		}
		return f(e)
	})
}

func cacheTransactionInsert(c *call) status {
	return c.owed(func(e *entry) status {
		m, st := c.writeOptions(c.u32(1), c.u32(2), nil)
		if st != ok {
			return st
		}
		_, st = c.insertInto(e, m, 3)
		return st
	})
}

func cacheReplaceInsert(c *call) status { return cacheTransactionInsert(c) }

func cacheInsertStreamBack(c *call) status {
	return c.owed(func(e *entry) status {
		m, st := c.writeOptions(c.u32(1), c.u32(2), nil)
		if st != ok {
			return st
		}
		back := &entry{key: e.key, done: make(chan struct{}), by: c.turn}
		if back.object, st = c.insertInto(e, m, 3); st != ok {
			return st
		}
		c.b.settle(back)
		close(back.done)
		return c.open(4, back)
	})
}

// cacheUpdate gives what was found a new life.
func cacheUpdate(c *call) status {
	return c.owed(func(e *entry) status {
		if e.object == nil {
			return badHandle
		}
		m, st := c.writeOptions(c.u32(1), c.u32(2), nil)
		if st != ok {
			return st
		}
		m.Length = e.object.meta.Length
		if e.flight != nil {
			defer e.land()
		}
		o := c.b.begin(m, e.object.content, e.since, "")
		c.b.keep(e.shelf(), o, o.life())
		e.object, e.stale = o, false
		return ok
	})
}
