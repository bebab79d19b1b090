package disk

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// Open makes a tier of what its folder holds: the segments of this cache. Files
// of another one, of another format, and damaged ones are removed; nothing is
// guessed. It returns when the index is complete.
func Open(o Options) (*Tier, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	t := &Tier{
		fs: o.FS, o: o, epoch: time.Now(), checks: !o.Unchecked, trust: trustTime,
		wake: make(chan struct{}, 1), over: make(chan struct{}),
		index: newIndex(), segments: map[uint32]*segment{},
	}
	names, err := t.fs.List()
	if err != nil {
		return nil, err
	}
	var numbers []uint32
	for _, name := range names {
		if n, ok := segmentNumber(name, ".seg"); ok {
			numbers = append(numbers, n)
		} else if n, ok := segmentNumber(name, ".idx"); ok && slices.Contains(names, segmentName(n)) {
			continue
		} else if strings.HasSuffix(name, ".idx") || strings.HasSuffix(name, ".idx.new") {
			t.fs.Remove(name)
		}
	}
	slices.Sort(numbers)
	var last *segment
	var end int64
	for i, n := range numbers {
		t.newest = n
		if s, upTo, ok := t.load(n); ok {
			last, end = s, upTo
			t.segments[n] = s
			if len(t.segments) == 1 {
				t.oldest.Store(n)
			}
			s.sealed, t.sealed = true, t.sealed+s.size
		} else {
			t.remove(n)
		}
		if o.Events.Loading != nil {
			o.Events.Loading(i+1, len(numbers))
		}
	}
	t.prune()
	t.resume(last, end)
	for t.sealed > o.Size-o.Segment && t.evict() { // the size was lowered
	}
	for int64(t.index.count)*EntryCost > o.Index && t.evict() {
	}
	t.tending.Go(t.tend)
	return t, nil
}

// load reads a segment's list and what stands behind it. end is where the last
// region ends.
func (t *Tier) load(number uint32) (s *segment, end int64, ok bool) {
	file, err := t.fs.Open(segmentName(number))
	if err != nil {
		t.fault("open a segment", err)
		return nil, 0, false
	}
	var header [segmentHeader]byte
	_, err = file.ReadAt(header[:], 0)
	created, ok := parseSegmentHeader(header[:], number, t.o.ID)
	size, serr := file.Size()
	if err != nil && err != io.EOF || serr != nil || !ok {
		file.Close()
		return nil, 0, false
	}
	s = newSegment(t, number, file, created)
	s.size = size
	end = segmentHeader
	// The list of a full segment has mostHeads entries at most.
	if b, err := vfs.ReadFile(t.fs, sidecarName(number), sidecarHeader+(mostHeads+1)*sidecarEntry); err == nil {
		if log, upTo, ok := parseSidecar(b, number, t.o.ID, roundUp(size)); ok {
			s.log, end = log, upTo
		}
	}
	listed := end
	s.log, end = t.scan(s, end, s.log)
	for _, e := range s.log {
		t.index.apply(e)
	}
	if end != listed {
		s.size = end
		t.writeSidecar(s)
	}
	s.size = max(size, end)
	return s, end, true
}

// scan reads the regions of a segment from an offset on: of bodies the headers
// only. It ends at the first that is none.
func (t *Tier) scan(s *segment, off int64, log []spot) ([]spot, int64) {
	window := make([]byte, 64<<10)
	var at int64 // of the window in the file
	n := 0       // bytes in it
	view := func(off, want int64) []byte {
		if off < at || off+want > at+int64(n) {
			if want > int64(len(window)) {
				window = make([]byte, want)
			}
			at = off
			n, _ = s.file.ReadAt(window, off)
		}
		from := min(off-at, int64(n))
		return window[from:min(from+want, int64(n))]
	}
	for len(log) < mostHeads {
		r, ok := parseRegion(view(off, regionHeader), roundUp(s.size)-off)
		if !ok {
			return log, off
		}
		if r.kind != data {
			payload := view(off+regionHeader, r.payload)
			if int64(len(payload)) != r.payload || crc(payload) != r.sum {
				// The region was torn. Its header says where the next one is.
				off += r.size
				continue
			}
			if e, ok := t.listed(s, r, off, payload); ok {
				log = append(log, e)
			}
		}
		off += r.size
	}
	return log, off
}

// listed is how a head or a death stands in the list.
func (t *Tier) listed(s *segment, r region, off int64, payload []byte) (spot, bool) {
	if r.kind == dead {
		d, ok := parseDeath(payload)
		return d.spot(), ok
	}
	rec, l, err := parseRecord(payload)
	if err != nil {
		return spot{}, false
	}
	e := spot{
		key: half(rec.Key), born: rec.Born, variant: quarter(rec.Variant),
		segment: s.number, off: uint32(off / unit), size: uint32(r.size / unit), first: s.number,
	}
	for _, p := range l.places {
		e.first = min(e.first, p.segment)
	}
	return e, true
}

// prune takes out what lies in part in a segment that is gone.
func (t *Tier) prune() {
	for n := range t.index.lists {
		if t.segments[n] == nil {
			t.index.drop(n)
		}
	}
}

// resume goes on in the last segment if it has room: a node that restarts often
// would leave many small ones. What stands behind its last region is cut off: a
// torn header, and stretches that were behind it.
func (t *Tier) resume(s *segment, end int64) {
	if s == nil || s.number != t.newest || end > t.o.Segment*3/4 || len(s.log) >= mostHeads {
		for _, s := range t.segments {
			s.log = nil
		}
		return
	}
	for _, other := range t.segments {
		if other != s {
			other.log = nil
		}
	}
	if err := s.file.Truncate(end); err != nil {
		t.fault("cut a segment", err)
		s.log = nil
		return
	}
	t.sealed -= s.size
	s.sealed, s.size, t.active = false, end, s
}
