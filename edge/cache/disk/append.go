package disk

import (
	"fmt"
	"time"
)

// mostHeads is how many heads and deaths a segment takes: what its sidecar may
// hold, and what memory keeps of it until that is written.
const mostHeads = 1 << 16

// grow makes sure that the active segment has room for size bytes.
// Preconditions: wmu is held.
func (t *Tier) grow(size int64) error {
	if s := t.active; s != nil && s.size+size <= t.o.Segment && len(s.log) < mostHeads {
		return nil
	}
	if size > t.o.Segment-segmentHeader {
		return fmt.Errorf("disk: %d bytes do not fit into a segment of %d", size, t.o.Segment)
	}
	t.seal()
	// The tender makes room ahead; if it cannot keep up, the oldest goes as it is.
	for {
		t.mu.Lock()
		full := t.sealed+t.o.Segment > t.o.Size
		t.mu.Unlock()
		if !full || !t.evict() {
			break
		}
	}
	number := t.newest + 1
	file, err := t.fs.Create(segmentName(number))
	if err != nil {
		return fmt.Errorf("make a segment: %w", err)
	}
	s := newSegment(t, number, file, time.Now())
	if _, err := file.WriteAt(appendSegmentHeader(nil, number, t.o.ID, s.created), 0); err != nil {
		file.Close()
		t.fs.Remove(segmentName(number))
		return fmt.Errorf("begin a segment: %w", err)
	}
	s.size = segmentHeader
	t.active, t.newest = s, number
	t.mu.Lock()
	t.segments[number] = s
	if len(t.segments) == 1 {
		t.oldest.Store(number)
	}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
	return nil
}

// seal ends the active segment.
// Preconditions: wmu is held.
func (t *Tier) seal() {
	s := t.active
	if s == nil {
		return
	}
	t.active = nil
	t.writeSidecar(s)
	s.log = nil
	t.mu.Lock()
	s.sealed = true
	t.sealed += s.size
	t.mu.Unlock()
}

// reserve makes a stretch of the active segment the caller's, which holds the
// segment until it releases it.
func (t *Tier) reserve(length int64) (*segment, int64, error) {
	size := roundUp(regionHeader + length)
	t.wmu.Lock()
	defer t.wmu.Unlock()
	if err := t.grow(size); err != nil {
		return nil, 0, err
	}
	off, err := t.put(region{kind: data, size: size, payload: length}, nil)
	if err != nil {
		return nil, 0, err
	}
	s := t.active
	if !s.acquire() {
		return nil, 0, fmt.Errorf("segment %d went while it was written to", s.number)
	}
	return s, off + regionHeader, nil
}

// shorten gives back the unused end of a stretch, if nothing stands behind it.
func (t *Tier) shorten(s *segment, at, length, used int64) {
	t.wmu.Lock()
	defer t.wmu.Unlock()
	off := at - regionHeader
	if t.active != s || s.size != off+roundUp(regionHeader+length) {
		return
	}
	r := region{kind: data, size: roundUp(regionHeader + used), payload: used}
	if _, err := s.file.WriteAt(r.append(nil), off); err != nil {
		t.seal() // nothing can be read behind a header that is torn
		return
	}
	s.size = off + r.size
}

// put writes a region's header and what of it is at hand. After a failure
// nothing more is written to the segment, since nothing behind a torn header is
// found again.
// Preconditions: wmu is held, there is room.
func (t *Tier) put(r region, payload []byte) (off int64, err error) {
	s := t.active
	off = s.size
	b := append(r.append(t.buffer[:0]), payload...)
	if cap(b) <= 64<<10 {
		t.buffer = b[:0]
	}
	if _, err := s.file.WriteAt(b, off); err != nil {
		t.seal()
		return 0, fmt.Errorf("write to segment %d: %w", s.number, err)
	}
	s.size += r.size
	t.written.Add(int64(len(b)))
	return off, nil
}

// Commit stores a response whose body is c: a new one, or one that has only got
// another head. It is false if the body's beginning has been evicted, something
// newer is there, or the disk refuses.
func (t *Tier) Commit(r *Record, c *Content) bool {
	payload := appendRecord(nil, r, &c.layout)
	reg := region{kind: head, size: roundUp(regionHeader + int64(len(payload))), payload: int64(len(payload)), sum: crc(payload)}
	if reg.size > t.o.Segment/4 || len(r.Meta) > maxMeta || len(r.Names) > maxNames {
		return false
	}
	t.wmu.Lock()
	at, err := t.commit(r, c, reg, payload)
	t.wmu.Unlock()
	if err != nil {
		t.failedWrite("store a response", err)
		return false
	}
	return at != 0
}

// Preconditions: wmu is held.
func (t *Tier) commit(r *Record, c *Content, reg region, payload []byte) (ref, error) {
	if err := t.grow(reg.size); err != nil {
		return 0, err
	}
	s := t.active
	off, err := t.put(reg, payload)
	if err != nil {
		return 0, err
	}
	spot := spot{
		key: half(r.Key), born: r.Born, variant: quarter(r.Variant),
		segment: s.number, off: uint32(off / unit), size: uint32(reg.size / unit), first: c.first(s.number),
	}
	t.mu.Lock()
	if spot.first < t.oldest.Load() {
		t.mu.Unlock()
		return 0, nil
	}
	at, ok := t.index.add(spot)
	if ok {
		c.used.Store(&t.index.at(at).used)
	}
	crowded := int64(t.index.count)*EntryCost > t.o.Index
	t.mu.Unlock()
	if !ok {
		return 0, nil
	}
	s.log = append(s.log, spot)
	if crowded {
		if t.o.Events.Crowded != nil {
			t.o.Events.Crowded()
		}
		t.evict()
	}
	return at, nil
}

// Forget makes a stored response unfindable, also after a restart.
func (t *Tier) Forget(k, variant Key) {
	t.mu.Lock()
	at := t.index.find(half(k), quarter(variant))
	if at != 0 {
		t.index.remove(at)
	}
	t.mu.Unlock()
	if at != 0 {
		t.bury(k, variant, false)
	}
}

// ForgetAll makes all variants of a key unfindable.
func (t *Tier) ForgetAll(k Key) {
	t.mu.Lock()
	some := false
	for at := t.index.keys[half(k)]; at != 0; at = t.index.keys[half(k)] {
		t.index.remove(at)
		some = true
	}
	t.mu.Unlock()
	if some {
		t.bury(k, Key{}, true)
	}
}

// Discard forgets a response until the next start: what makes it useless is
// known then as well, or the response is looked at again.
func (t *Tier) Discard(c *Content) { t.spoil(c.spot) }

// Holds tells whether the response in which c was found is there still.
func (t *Tier) Holds(c *Content) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.index.keys[c.spot.key]; r != 0; r = t.index.at(r).next {
		if t.index.at(r).spot() == c.spot {
			return true
		}
	}
	return false
}

// Has tells whether something is stored under the key.
func (t *Tier) Has(k Key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.index.keys[half(k)] != 0
}

// bury writes a death. Without it the response would be back after a restart.
func (t *Tier) bury(k, variant Key, all bool) {
	d := death{key: half(k), variant: quarter(variant), all: all}
	payload := d.append(nil)
	reg := region{kind: dead, size: roundUp(regionHeader + int64(len(payload))), payload: int64(len(payload)), sum: crc(payload)}
	t.wmu.Lock()
	err := t.grow(reg.size)
	if err == nil {
		if _, err = t.put(reg, payload); err == nil {
			t.active.log = append(t.active.log, d.spot())
		}
	}
	t.wmu.Unlock()
	if err != nil {
		t.failedWrite("forget a response", err)
	}
}
