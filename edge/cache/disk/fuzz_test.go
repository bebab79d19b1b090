package disk

import (
	"bytes"
	"reflect"
	"testing"
)

// What parses as a record is written back as it was.
func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, &Record{Key: key(1), Variant: key(2), Born: 3, Names: []string{"a", ""}, Meta: []byte("m")},
		&layout{size: block + 1, places: []place{{1, 64, block}, {2, 128, 1}}, sums: []uint32{1, 2}}))
	f.Add(appendRecord(nil, &Record{}, &layout{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, l, err := parseRecord(b)
		if err != nil {
			return
		}
		if got := appendRecord(nil, &r, &l); !bytes.Equal(got, b) {
			t.Errorf("%x became %x", b, got)
		}
		var sum int64
		for _, p := range l.places {
			sum += p.length
		}
		if sum != l.size || len(l.sums) != blocks(l.size) {
			t.Errorf("%d bytes in places of %d, with %d sums", l.size, sum, len(l.sums))
		}
	})
}

// What parses as a list is written back as it was.
func FuzzSidecar(f *testing.F) {
	f.Add(appendSidecar(nil, 3, ID{1}, 6400, []spot{{1, 2, 3, 3, 4, 5, 2}, death{7, 8, true}.spot()}))
	f.Add(appendSidecar(nil, 3, ID{1}, 64, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		// The sum hides everything behind it from the fuzzer, so it is put right.
		if len(b) >= 4 {
			b = b[:len(b)-4]
			b = append(b[:len(b):len(b)], le32(crc(b))...)
		}
		log, end, ok := parseSidecar(b, 3, ID{1}, 1<<20)
		if !ok {
			return
		}
		if got := appendSidecar(nil, 3, ID{1}, end, log); !bytes.Equal(got, b) {
			t.Errorf("%x became %x", b, got)
		}
	})
}

func le32(n uint32) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }

// A segment of any bytes gives responses that were written, or none: with the
// seed's segment changed in one place, every response that is found is one of
// the seed's.
func FuzzSegment(f *testing.F) {
	fsys := memory(f)
	d := open(f, fsys, 2<<20)
	for n := range 8 {
		store(d, n, 1, 100*n)
	}
	d.Forget(key(3), Key{})
	d.wmu.Lock()
	seed := make([]byte, d.active.size)
	d.active.file.ReadAt(seed, 0)
	d.wmu.Unlock()
	f.Add(uint16(100), []byte("x"))
	f.Add(uint16(64), []byte{})
	f.Fuzz(func(t *testing.T, at uint16, change []byte) {
		b := bytes.Clone(seed)
		if int(at) < len(b) {
			copy(b[at:], change)
		}
		fsys := memory(t)
		file, _ := fsys.Create(segmentName(1))
		file.WriteAt(b, 0)
		d := open(t, fsys, 2<<20)
		for n := range 9 {
			find(t, d, n)
		}
		store(d, 100, 1, 10)
		d.Close()
		again := open(t, fsys, 2<<20)
		if find(t, again, 100) != 1 {
			t.Error("what was stored afterwards is not found after a restart")
		}
		again.Close()
	})
}

// A region and a segment header parse as they were written, and damaged ones do not.
func TestHeaders(t *testing.T) {
	r := region{head, 128, 90, 7}
	b := r.append(nil)
	if got, ok := parseRegion(b, 128); !ok || got != r {
		t.Errorf("%+v, %t", got, ok)
	}
	if _, ok := parseRegion(b, 127); ok {
		t.Error("a region that is longer than its segment")
	}
	for i := range b {
		c := bytes.Clone(b)
		c[i] ^= 4
		if got, ok := parseRegion(c, 1<<20); ok {
			t.Errorf("octet %d flipped: %+v", i, got)
		}
	}
	for _, d := range []death{{1, 2, true}, {3, 4, false}} {
		if got, ok := parseDeath(d.append(nil)); !ok || !reflect.DeepEqual(got, d) {
			t.Errorf("%+v, %t", got, ok)
		}
	}
}
