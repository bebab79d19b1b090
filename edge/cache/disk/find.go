package disk

import "slices"

// Find looks up what is stored under a key. match makes, of the names that a
// response varies by, the variant of the request. A response whose head cannot
// be read, or is not what was written, is forgotten.
func (t *Tier) Find(k Key, match func(names []string) Key) (Record, *Content, bool) {
	var room [4]spot
	t.mu.Lock()
	chain := t.index.chain(room[:0], half(k))
	t.mu.Unlock()
	// The newest says by which fields the variants differ now.
	for len(chain) > 0 {
		r, c, ok := t.read(chain[0])
		chain = chain[1:]
		if !ok {
			continue
		}
		if r.Key != k {
			break // only half of it is the same
		}
		variant := match(r.Names)
		if r.Variant == variant {
			return r, c.found(), true
		}
		for _, s := range chain {
			if s.variant != quarter(variant) {
				continue
			}
			if o, c, ok := t.read(s); ok && o.Key == k && o.Variant == variant && slices.Equal(o.Names, r.Names) {
				return o, c.found(), true
			}
		}
		break
	}
	return Record{}, nil, false
}

// chain appends the spots of a key, newest first.
func (x *index) chain(to []spot, key uint64) []spot {
	for r := x.keys[key]; r != 0; r = x.at(r).next {
		to = append(to, x.at(r).spot())
	}
	return to
}

// read reads a head. If that fails the entry goes.
func (t *Tier) read(s spot) (Record, *Content, bool) {
	t.mu.Lock()
	seg := t.segments[s.segment]
	held := seg != nil && seg.acquire()
	t.mu.Unlock()
	if !held {
		return Record{}, nil, false
	}
	defer seg.release()
	b := make([]byte, int64(s.size)*unit)
	n, err := seg.file.ReadAt(b, int64(s.off)*unit)
	reg, ok := parseRegion(b[:n], int64(len(b)))
	if ok = ok && reg.kind == head && regionHeader+reg.payload <= int64(n); ok {
		payload := b[regionHeader : regionHeader+reg.payload]
		if ok = crc(payload) == reg.sum || !t.checks; ok {
			var r Record
			var l layout
			if r, l, err = parseRecord(payload); err == nil {
				if c, ok := t.content(s, l); ok {
					return r, c, true
				}
				return Record{}, nil, false
			}
		}
	}
	if err == nil {
		err = errRecord
	}
	t.fault("read a response", err)
	t.spoil(s)
	return Record{}, nil, false
}

// spoil forgets what cannot be read, if it is there still.
func (t *Tier) spoil(s spot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.index.keys[s.key]; r != 0; r = t.index.at(r).next {
		if t.index.at(r).spot() == s {
			t.index.remove(r)
			return
		}
	}
}

// right notes that the one block of a body was found right, for who finds the
// response again. Nothing is noted of what has left the index meanwhile.
func (t *Tier) right(s spot, at uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.index.keys[s.key]; r != 0; r = t.index.at(r).next {
		if e := t.index.at(r); e.spot() == s {
			e.checked = at
			return
		}
	}
}

// content is the body at a layout, if its segments are there still.
func (t *Tier) content(s spot, l layout) (*Content, bool) {
	c := newContent(t, l, make([]*segment, len(l.places)))
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, p := range l.places {
		if c.segments[i] = t.segments[p.segment]; c.segments[i] == nil {
			return nil, false
		}
	}
	for r := t.index.keys[s.key]; r != 0; r = t.index.at(r).next {
		if t.index.at(r).spot() == s {
			c.used.Store(&t.index.at(r).used)
			if len(c.stamps) == 1 {
				c.stamps[0].Store(t.index.at(r).checked)
			}
		}
	}
	c.spot = s
	return c, true
}
