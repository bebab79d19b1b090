package fastly

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// meta is what a cache knows of an object beside its content.
type meta struct {
	Inserted   time.Time
	InitialAge time.Duration
	MaxAge     time.Duration
	Stale      time.Duration // for which it may be used after its time, while one refreshes it
	Vary       []string      `json:",omitempty"` // names of fields, in lower case
	Tags       []string      `json:",omitempty"`
	Metadata   []byte        `json:",omitempty"`
	Length     int64         // as its writer announced it; -1: it did not
	HTTP       *kept         `json:",omitempty"` // of a response
}

// object is something in one of the caches. Its content may still be on its way.
type object struct {
	meta
	content *growing
	insert  services.Insert // by which it is kept; nil of what was found
	key     string          // under which it was found
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

// shelf is where objects stand in the node's cache: those of one key, and, of those that vary, the ones for a request.
type shelf struct {
	space, key string
	header     *exchange.Header // of the request that Vary is judged by
	// variant is the part of the key for the values of the fields; nil is that of the core cache.
	variant func(vary []string, h *exchange.Header) string
}

// longestStoreKey is the longest key that the node's cache takes. A program's may be longer, and so may the fields that
// something varies by: those are kept under their hash.
const longestStoreKey = 1 << 10

func (p *shelf) storeKey(variant string) []byte {
	b := append([]byte(p.space+"\x00"), p.key...)
	if variant != "" {
		b = append(append(b, 0), variant...)
	}
	if len(b) > longestStoreKey {
		sum := sha256.Sum256(b)
		b = append([]byte(p.space+"#"), sum[:]...)
	}
	return b
}

// flightKey is for whom one lookup may wait for another: those who ask for the same variant, as far as that is known.
func (p *shelf) flightKey(variant string) string { return p.space + "\x00" + p.key + "\x00" + variant }

// of is the part of the key for what varies by these fields.
func (p *shelf) of(vary []string) string {
	if len(vary) == 0 {
		return ""
	}
	if p.variant != nil {
		return p.variant(vary, p.header)
	}
	return variant(vary, p.header)
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
	content := b[4+n:]
	if n > uint64(len(content)) {
		content = bytes.Clone(content) // else it keeps what is not counted
	}
	o.content = wholeOf(content)
	return o, o.sound()
}

// sound tells whether it is as it can have been kept here: the owner's functions for other contracts put values under keys of
// their own, and those may be these.
func (o *object) sound() bool {
	for _, d := range [...]time.Duration{o.InitialAge, o.MaxAge, o.Stale} {
		if d < 0 || d > maxLife {
			return false
		}
	}
	if o.Length < -1 || len(o.Vary) > mostVary || slices.ContainsFunc(o.Vary, func(name string) bool { return fieldName(name) != ok }) {
		return false
	}
	k := o.HTTP
	if k == nil || k.Pass {
		return true
	}
	if k.IfError < 0 || k.IfError > maxLife || k.Status < 200 || k.Status > 999 || len(k.Fields) > 2*maxFields {
		return false
	}
	for _, f := range k.Fields {
		if fieldName(f.Name) != ok || bytes.ContainsAny(f.Value, "\r\n\x00") {
			return false
		}
	}
	return true
}

func (o *object) encode() []byte {
	text, err := json.Marshal(o.meta)
	if err != nil {
		panic("BUG: fastly: " + err.Error())
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	return append(append(b, text...), o.content.bytes()...)
}

// read is what stands on a shelf, whatever its age, and by what others there, or on their way there, differ from what it has
// for the request.
func (b *Binding) read(ctx context.Context, p *shelf) (o *object, variant string) {
	o, variant = b.readStored(ctx, p)
	if coming, varies := b.inserts.variant(p); varies {
		variant = coming
	}
	return o, variant
}

func (b *Binding) readStored(ctx context.Context, p *shelf) (o *object, variant string) {
	for range 2 {
		if ctx.Err() != nil {
			return nil, variant
		}
		key := p.storeKey(variant)
		value, found, err := b.o.Services.Cache.Get(ctx, b.o.Owner, key, nil)
		if err != nil || !found {
			return nil, variant
		}
		o, valid := decode(value)
		if !valid {
			return nil, variant
		}
		o.key = string(key)
		if len(o.Vary) == 0 || variant != "" {
			return o, variant
		}
		variant = p.of(o.Vary)
	}
	return nil, variant
}

// stored looks up an entry's object: one that can be used, stale or not.
func (b *Binding) stored(ctx context.Context, e *entry) (o *object, stale bool, variant string) {
	if e.by.read(func() { o, variant = b.read(ctx, e.shelf()) }) != nil {
		return nil, false, ""
	}
	e.count(o)
	if o == nil {
		return nil, false, variant
	}
	switch age := o.age(time.Now()); {
	case age < o.MaxAge:
		return o, false, variant
	case age < o.MaxAge+o.Stale:
		return o, true, variant
	}
	return nil, false, variant
}

// settle ends a lookup: what was found is counted, and is held on the account of the run. A run that holds too much finds
// nothing.
func (b *Binding) settle(e *entry) {
	if e.object != nil && !e.by.hold(e.object) {
		e.object, e.stale, e.full = nil, false, e.flight == nil
		return
	}
	b.hits.add(e.object)
}

// begin is an object that is to be kept. Purges of its tags count from when since began, nil is now, however long its
// content takes: what came of a lookup may be older than a purge that came after it.
func (b *Binding) begin(m meta, content *growing, since services.Insert, url string) *object {
	if since == nil {
		since = b.o.Services.Cache.Begin(b.o.Owner, nil)
	}
	return &object{meta: m, content: content, insert: since.As(m.Tags, url)}
}

// keep stores an object for as long as it may be of use. One that has been purged since it began is not kept, which is no
// error.
func (b *Binding) keep(p *shelf, o *object, ttl time.Duration) error {
	if ttl <= 0 {
		return nil
	}
	ttl = min(ttl, 365*24*time.Hour)
	ctx := context.Background()
	if len(o.Vary) > 0 {
		by := object{meta: meta{Inserted: o.Inserted, MaxAge: o.MaxAge, Stale: o.Stale, Vary: o.Vary, Length: -1}, content: wholeOf(nil)}
		if err := o.insert.Put(ctx, p.storeKey(""), by.encode(), ttl); err != nil {
			return err
		}
	}
	return o.insert.Put(ctx, p.storeKey(p.of(o.Vary)), o.encode(), ttl)
}

// life is how long an object of the core cache is of use.
func (o *object) life() time.Duration { return o.MaxAge + o.Stale - o.InitialAge }

// insertion is an object on its way to its shelf. It belongs to the turn that writes it.
type insertion struct {
	*shelf
	object *object
	by     *turn
}

// inserts are the objects that are on their way into the cache, by key. Each stands there until its content has ended.
type inserts struct {
	mu  sync.Mutex
	all map[string][]*insertion
}

// begin has lookups find n. The flight of its lookup, if it has one, moves in the same moment: whoever knew by n what it varies
// by, and did not find its flight under that key yet, would lead one more.
func (i *inserts) begin(n *insertion, f *flight) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if f != nil && len(n.object.Vary) > 0 {
		f.move(n.flightKey(n.of(n.object.Vary)))
	}
	if i.all == nil {
		i.all = map[string][]*insertion{}
	}
	key := n.space + n.key
	i.all[key] = append(i.all[key], n)
}

func (i *inserts) end(n *insertion) {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := n.space + n.key
	left := slices.DeleteFunc(i.all[key], func(o *insertion) bool { return o == n })
	if len(left) == 0 {
		delete(i.all, key)
		return
	}
	i.all[key] = left
}

// of is the last one for a shelf that can be used; nil: there is none. by is whose it must be, nil is anybody's.
func (i *inserts) of(p *shelf, by *turn) *object {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, n := range slices.Backward(i.all[p.space+p.key]) {
		o := n.object
		if by != nil && n.by != by || len(o.Vary) > 0 && n.of(o.Vary) != p.of(o.Vary) {
			continue
		}
		if o.age(time.Now()) < o.MaxAge && !o.insert.Purged() {
			return o
		}
	}
	return nil
}

// variant is the part of the key for what the last one for this key varies by; false: none of them varies.
func (i *inserts) variant(p *shelf) (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, n := range slices.Backward(i.all[p.space+p.key]) {
		if len(n.object.Vary) > 0 {
			return p.of(n.object.Vary), true
		}
	}
	return "", false
}

// flights are the lookups under way that others wait for: one to a key.
type flights struct {
	mu  sync.Mutex
	all map[string]*flight
}

// flight ends when its holder has inserted, or will not.
//
// Before its response is there nobody knows what that varies by, and all who ask for the URL wait for it. Then the flight
// moves to the key of its own variant: who waits for another one looks again.
type flight struct {
	of   *flights
	by   *turn // whose it is to insert
	once sync.Once
	over chan struct{}
	// stale tells that those who have waited use what is stale, as the holder could do no better. It is set before over is
	// closed.
	stale bool
	// of.mu guards these.
	key   string
	moved chan struct{} // closed when the key changes; nil: it has
}

// take removes the flight from its key. of.mu is held.
func (f *flight) take() {
	if f.of.all[f.key] == f {
		delete(f.of.all, f.key)
	}
}

func (f *flight) land() {
	f.once.Do(func() {
		f.of.mu.Lock()
		f.take()
		f.of.mu.Unlock()
		close(f.over)
	})
}

// move has those wait for the flight, before it lands, who ask for this key. If they have another one to wait for, nobody
// new does.
func (f *flight) move(key string) {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	if f.moved == nil || f.key == key || f.of.all[f.key] != f {
		return
	}
	f.take()
	f.key = key
	if f.of.all[key] == nil {
		f.of.all[key] = f
	}
	close(f.moved)
	f.moved = nil
}

// join is the flight of the key, and whether it is the caller's to lead. moved is closed when the key is not that of the
// flight any more.
func (f *flights) join(key string, by *turn) (there *flight, moved <-chan struct{}, leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if there := f.all[key]; there != nil {
		return there, there.moved, false
	}
	if f.all == nil {
		f.all = map[string]*flight{}
	}
	mine := &flight{of: f, key: key, by: by, over: make(chan struct{}), moved: make(chan struct{})}
	f.all[key] = mine
	return mine, nil, true
}

// transaction fills an entry: with what is stored, or with the duty to insert,
// or with what another inserts meanwhile.
func (b *Binding) transaction(ctx context.Context, e *entry) {
	defer close(e.done)
	defer b.settle(e)
	p := e.shelf()
	for ctx.Err() == nil {
		o, stale, variant := b.stored(ctx, e)
		if o != nil && !stale {
			e.object = o
			return
		}
		// What a program inserts it finds at once.
		if own := b.inserts.of(p, e.by); own != nil {
			e.object = own
			return
		}
		f, moved, leads := b.flights.join(p.flightKey(variant), nil)
		if leads {
			e.since = b.o.Services.Cache.Begin(b.o.Owner, nil)
			// It may have landed, or have moved, since the look.
			again, old, now := b.stored(ctx, e)
			if again != nil && !old {
				f.land()
				e.object = again
				return
			}
			if now != variant {
				f.land()
				continue
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
		case <-moved:
		case <-ctx.Done():
		}
	}
}
