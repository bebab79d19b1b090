package fastly

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// meta is what the core cache knows of an object beside its content.
type meta struct {
	Inserted   time.Time
	InitialAge time.Duration
	MaxAge     time.Duration
	Stale      time.Duration // for which it may be used after its time, while one refreshes it
	Vary       []string      `json:",omitempty"` // names of fields, in lower case
	Tags       []string      `json:",omitempty"`
	Metadata   []byte        `json:",omitempty"`
	Length     int64         // as its writer announced it; -1: it did not
}

// object is something in the core cache. Its content may still be on its way.
type object struct {
	meta
	content *growing
	insert  services.Insert // by which it is kept; nil of what was found
}

func (o *object) age(now time.Time) time.Duration { return o.InitialAge + now.Sub(o.Inserted) }

func (o *object) length() (int64, bool) {
	if o.meta.Length >= 0 {
		return o.meta.Length, true
	}
	return o.content.whole()
}

// An object is kept as one value of the node's cache: the length of its meta data in 4 bytes, that in JSON, the content.
// What varies is kept under a key of its own, and under the plain key stands what it varies by.

// longestStoreKey is the longest key that the node's cache takes. A program's may be longer, and so may the fields that
// something varies by: those are kept under their hash.
const longestStoreKey = 1 << 10

func storeKey(key, variant string) []byte {
	b := append([]byte("fastly.core\x00"), key...)
	if variant != "" {
		b = append(append(b, 0), variant...)
	}
	if len(b) > longestStoreKey {
		sum := sha256.Sum256(b)
		b = append([]byte("fastly.core#"), sum[:]...)
	}
	return b
}

// variant is the part of the key for the values of the fields.
func variant(vary []string, h *exchange.Header) string {
	var b strings.Builder
	for _, name := range vary {
		b.WriteString(name + ":")
		for v := range h.AllNamed(name) {
			b.WriteString(itoa(int64(len(v))) + ":" + v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func decode(b []byte) (*object, bool) {
	if len(b) < 4 {
		return nil, false
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n+4 > uint64(len(b)) {
		return nil, false
	}
	o := new(object)
	if json.Unmarshal(b[4:4+n], &o.meta) != nil {
		return nil, false
	}
	o.content = wholeOf(b[4+n:])
	return o, true
}

func (o *object) encode() []byte {
	text, err := json.Marshal(o.meta)
	if err != nil {
		panic("BUG: fastly: " + err.Error())
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	return append(append(b, text...), o.content.bytes()...)
}

// stored looks up an entry's object: one that can be used, stale or not.
func (b *Binding) stored(ctx context.Context, e *entry) (o *object, stale bool) {
	vary := ""
	for range 2 {
		value, found, err := b.o.Services.Cache.Get(ctx, b.o.Owner, storeKey(e.key, vary), nil)
		if err != nil || !found {
			return nil, false
		}
		if o, found = decode(value); !found {
			return nil, false
		}
		if len(o.Vary) == 0 || vary != "" {
			break
		}
		vary = variant(o.Vary, &e.header)
	}
	switch age := o.age(time.Now()); {
	case age < o.MaxAge:
		return o, false
	case age < o.MaxAge+o.Stale:
		return o, true
	}
	return nil, false
}

// begin is an object that is to be kept: purges of its tags count from here on, however long its content takes.
func (b *Binding) begin(m meta, content *growing) *object {
	return &object{meta: m, content: content, insert: b.o.Services.Cache.Begin(b.o.Owner, m.Tags)}
}

// keep stores an object. One that is too large for the cache, or has been purged since it began, is not kept.
func (b *Binding) keep(key string, h *exchange.Header, o *object) {
	ttl := o.MaxAge + o.Stale - o.InitialAge
	if ttl <= 0 {
		return
	}
	ttl = min(ttl, 365*24*time.Hour)
	ctx := context.Background()
	if len(o.Vary) > 0 {
		by := object{meta: meta{Inserted: o.Inserted, MaxAge: o.MaxAge, Stale: o.Stale, Vary: o.Vary, Length: -1}, content: wholeOf(nil)}
		if o.insert.Put(ctx, storeKey(key, ""), by.encode(), ttl) != nil {
			return
		}
		o.insert.Put(ctx, storeKey(key, variant(o.Vary, h)), o.encode(), ttl) // else it is a miss
		return
	}
	o.insert.Put(ctx, storeKey(key, ""), o.encode(), ttl)
}

// inserts are the objects that are on their way into the cache, by key: of several the last.
type inserts struct {
	mu  sync.Mutex
	all map[string]*object
}

func (i *inserts) begin(key string, o *object) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.all == nil {
		i.all = map[string]*object{}
	}
	i.all[key] = o
}

func (i *inserts) end(key string, o *object) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.all[key] == o {
		delete(i.all, key)
	}
}

// of is the one of the key that can be used; nil: there is none.
func (i *inserts) of(key string) *object {
	i.mu.Lock()
	o := i.all[key]
	i.mu.Unlock()
	if o != nil && o.age(time.Now()) < o.MaxAge && !o.insert.Purged() {
		return o
	}
	return nil
}

// flights are the lookups under way that others wait for: one to a key.
type flights struct {
	mu  sync.Mutex
	all map[string]*flight
}

// flight ends when its holder has inserted, or will not.
type flight struct {
	of   *flights
	key  string
	once sync.Once
	over chan struct{}
}

func (f *flight) land() {
	f.once.Do(func() {
		f.of.mu.Lock()
		delete(f.of.all, f.key)
		f.of.mu.Unlock()
		close(f.over)
	})
}

// join is the flight of the key, and whether it is the caller's to lead.
func (f *flights) join(key string) (*flight, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if there := f.all[key]; there != nil {
		return there, false
	}
	if f.all == nil {
		f.all = map[string]*flight{}
	}
	mine := &flight{of: f, key: key, over: make(chan struct{})}
	f.all[key] = mine
	return mine, true
}

// transaction fills an entry: with what is stored, or with the duty to insert,
// or with what another inserts meanwhile.
func (b *Binding) transaction(ctx context.Context, e *entry) {
	defer close(e.done)
	for ctx.Err() == nil {
		o, stale := b.stored(ctx, e)
		if o != nil && !stale {
			e.object = o
			return
		}
		f, leads := b.flights.join(e.key + "\x00" + keyOfHeader(o, e))
		if leads {
			// It may have landed since the look.
			if again, old := b.stored(ctx, e); again != nil && !old {
				f.land()
				e.object = again
				return
			}
			e.object, e.stale, e.flight = o, stale, f
			return
		}
		if o != nil {
			e.object, e.stale = o, true // while another refreshes it
			return
		}
		select {
		case <-f.over:
		case <-ctx.Done():
		}
	}
}

// keyOfHeader keeps apart those who wait for different variants.
func keyOfHeader(o *object, e *entry) string {
	if o == nil {
		return ""
	}
	return variant(o.Vary, &e.header)
}

// growing is content that is read while it is written.
//
// mu guards everything; changed is closed, and made anew, at each change.
type growing struct {
	held *gauge          // nil: it is not counted
	gone <-chan struct{} // closed when its writer's run is over: nobody waits for more then

	mu      sync.Mutex
	b       []byte
	ended   bool
	err     error
	changed chan struct{}
}

func newGrowing(held *gauge, gone <-chan struct{}) *growing {
	return &growing{held: held, gone: gone, changed: make(chan struct{})}
}

// wholeOf is content that is all there.
func wholeOf(b []byte) *growing { return &growing{b: b, ended: true} }

// write appends; false if the run holds too much.
func (g *growing) write(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if g.held != nil && !g.held.add(len(b)) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.b = append(g.b, b...)
	close(g.changed)
	g.changed = make(chan struct{})
	return true
}

func (g *growing) end(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended, g.err = true, err
	close(g.changed)
	g.changed = make(chan struct{})
	if g.held != nil {
		g.held.sub(len(g.b)) // it lives as long as somebody reads it
	}
}

func (g *growing) size() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int64(len(g.b))
}

// whole is the length, if everything is there.
func (g *growing) whole() (int64, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int64(len(g.b)), g.ended && g.err == nil
}

func (g *growing) bytes() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return bytes.Clone(g.b)
}

// reader reads from first to last; -1 is to the end.
func (g *growing) reader(first, last int64) io.ReadCloser {
	return &growingReader{g: g, at: first, last: last}
}

type growingReader struct {
	g        *growing
	at, last int64
}

// Read waits for more, if more is to come.
func (r *growingReader) Read(p []byte) (int, error) {
	for {
		r.g.mu.Lock()
		b, ended, err, changed := r.g.b, r.g.ended, r.g.err, r.g.changed
		r.g.mu.Unlock()
		end := int64(len(b))
		if r.last >= 0 && r.last+1 < end {
			end = r.last + 1
		}
		switch {
		case r.at < end:
			n := copy(p, b[r.at:end])
			r.at += int64(n)
			return n, nil
		case r.last >= 0 && r.at > r.last:
			return 0, io.EOF
		case ended && err != nil:
			return 0, err
		case ended:
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-r.g.gone: // else a writer that waits for what it writes would wait for ever
			return 0, errUnfinished
		}
	}
}

// Close does nothing: what is read belongs to all.
func (r *growingReader) Close() error { return nil }
