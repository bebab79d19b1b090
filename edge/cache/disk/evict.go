package disk

import (
	"slices"
	"time"
)

// evict removes the oldest segment, if it is sealed: a step whose cost is that of
// one file and of the entries that go with it, however large the tier is.
func (t *Tier) evict() bool {
	t.mu.Lock()
	number := t.oldest.Load()
	s := t.segments[number]
	if s == nil || !s.sealed {
		t.mu.Unlock()
		return false
	}
	n := t.index.drop(number)
	delete(t.segments, number)
	t.sealed -= s.size
	next := uint32(0)
	for k := range t.segments {
		if next == 0 || k < next {
			next = k
		}
	}
	if next == 0 {
		next = number + 1
	}
	t.oldest.Store(next)
	t.doomed = append(t.doomed, s)
	cut := t.overdue()
	t.mu.Unlock()

	t.remove(number)
	s.release()
	for _, d := range cut {
		d.file.Truncate(0)
		d.release()
	}
	t.evicted.Add(int64(n))
	if t.o.Events.Evicted != nil {
		t.o.Events.Evicted(n, s.size, time.Since(s.created))
	}
	return true
}

// remove removes a segment's files.
func (t *Tier) remove(number uint32) {
	if err := t.fs.Remove(segmentName(number)); err != nil {
		t.fault("remove a segment", err)
	}
	t.fs.Remove(sidecarName(number)) // it may not be there
}

// overdue are the evicted segments to be cut: the oldest, while slow readers
// keep more than a quarter of the tier from being used again. They are held.
// Preconditions: mu is held.
func (t *Tier) overdue() (cut []*segment) {
	var sum int64
	for _, s := range t.doomed {
		sum += s.size
	}
	for _, s := range t.doomed {
		if sum <= t.o.Size/4 {
			break
		}
		if !s.cut.Load() && s.acquire() {
			s.cut.Store(true)
			cut = append(cut, s)
		}
		sum -= s.size
	}
	t.doomed = slices.DeleteFunc(t.doomed, func(s *segment) bool { return s.cut.Load() })
	return cut
}

// closed hears that nobody holds a segment any more.
func (t *Tier) closed(s *segment) {
	t.mu.Lock()
	t.doomed = slices.DeleteFunc(t.doomed, func(d *segment) bool { return d == s })
	t.mu.Unlock()
}

// tend makes room ahead of those who write. What was found in the oldest segment
// since it was written goes to the end of the log before the segment goes.
func (t *Tier) tend() {
	for {
		select {
		case <-t.wake:
		case <-t.over:
			return
		}
		for {
			t.mu.Lock()
			number := t.oldest.Load()
			full := t.sealed+2*t.o.Segment > t.o.Size && len(t.segments) > 2
			t.mu.Unlock()
			if !full {
				break
			}
			t.readmit(number)
			// Others may have evicted it meanwhile.
			if t.oldest.Load() == number && !t.evict() {
				break
			}
			select {
			case <-t.over:
				return
			default:
			}
		}
	}
}

// readmit copies what is popular in a segment to the end of the log: at most a
// quarter of a segment, so that making room always makes room.
func (t *Tier) readmit(number uint32) {
	left := t.o.Segment / 4
	var found []spot
	t.mu.Lock()
	for r := t.index.lists[number]; r != 0; r = t.index.at(r).older {
		if e := t.index.at(r); e.used.Load() > 0 {
			found = append(found, e.spot())
		}
	}
	t.mu.Unlock()
	for _, s := range found {
		select {
		case <-t.over:
			return
		default:
		}
		r, c, ok := t.read(s)
		if !ok || c.Size() > left || t.Resting() {
			continue
		}
		if t.copy(&r, c) {
			left -= c.Size()
			t.readmitted.Add(1)
		}
	}
}

// copy stores a response once more.
func (t *Tier) copy(r *Record, c *Content) bool {
	b, ok := c.Open()
	if !ok {
		return false
	}
	defer b.Close()
	w := t.Create(c.Size())
	defer w.Close()
	for b.Len() > 0 {
		p, err := b.next()
		if err != nil || w.Put(p) != nil {
			return false
		}
		b.Skip(int64(len(p)))
	}
	return t.Commit(r, w.Content())
}

func (e *entry) spot() spot {
	return spot{key: e.key, born: e.born, variant: e.variant, segment: e.segment, off: e.off, size: e.size, first: e.first}
}
