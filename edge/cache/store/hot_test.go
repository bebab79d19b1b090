package store

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// use opens the body of o often enough for it to be copied, and reads it.
func use(t *testing.T, s *Store[note], o *Object[note], seed uint64) {
	t.Helper()
	for range hotUses + 2 {
		await(&s.chunks.hot)
		b, ok := s.Open(o)
		if !ok {
			t.Fatal("lost")
		}
		got, err := io.ReadAll(struct{ io.Reader }{b})
		if err != nil || !bytes.Equal(got, bytesOf(seed, int(o.Content.Size()))) {
			t.Fatalf("read %d bytes of %d, error %v", len(got), o.Content.Size(), err)
		}
		b.Close()
	}
}

// await waits for a slab that is being made.
func await(h *hot) {
	h.slabs.mu.Lock()
	made := h.slabs.made
	h.slabs.mu.Unlock()
	if made != nil {
		<-made
	}
}

func checkHot(t *testing.T, h *hot) {
	t.Helper()
	h.parts.check(t)
	h.slabs.check(t)
}

func (p *partsRing) check(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := int64(0)
	for i, c := range p.ring {
		sum += partsCost(c.size)
		if copied := c.hot.Load(); copied == nil || copied.place != i || copied.slab != nil {
			t.Errorf("the ring's entry %d does not stand there", i)
		}
	}
	if n := p.bytes.Load(); n != sum || n > p.limit {
		t.Errorf("%d bytes are counted, the copies in parts take %d, and may take %d", n, sum, p.limit)
	}
}

func (r *slabRing) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	sum, open := int64(0), r.open == nil
	for i, s := range r.ring {
		open = open || r.open == s
		sum += s.size
		if s.place != i || s.held.Load() == 0 || s.end > s.size {
			t.Errorf("the slab %d of %d bytes says that it is %d, held %d times, %d bytes long", i, s.size, s.place, s.held.Load(), s.end)
		}
		from := map[int64]int64{}
		for k, c := range s.contents {
			copied := c.hot.Load()
			if copied == nil || copied.place != k || copied.slab != s || copied.at+copied.size > s.end {
				t.Fatalf("the copy %d of slab %d does not stand there", k, i)
			}
			from[copied.at] = copied.at + copied.size
		}
		end := int64(0)
		for _, at := range slices.Sorted(maps.Keys(from)) {
			if at < end {
				t.Errorf("a copy in slab %d begins at %d, before the end of another", i, at)
			}
			end = from[at]
		}
	}
	if room := r.room.Load(); !open || r.open != nil && room != r.open.size-r.open.end || r.open == nil && room != 0 {
		t.Errorf("the slab that is filled is in the ring: %t; it is said to have room for %d bytes", open, room)
	}
	if n := r.bytes.Load(); n != sum || n > r.limit {
		t.Errorf("%d bytes are counted, the slabs take %d, and may take %d", n, sum, r.limit)
	}
}

// A body that is asked for a lot is copied once, unless it is too small or too
// large, and its copy goes with it.
func TestHotBodyIsCopied(t *testing.T) {
	s := New(Options[note]{Bodies: 16 << 20, Index: 4 << 20})
	f := func(size int, want bool) {
		t.Helper()
		o := put(t, s, key(1), Key{}, 1, size)
		use(t, s, o, 1)
		if got := o.Content.hot.Load() != nil; got != want {
			t.Errorf("%d bytes: copied %t", size, got)
		}
		checkHot(t, &s.chunks.hot)
		// Half of it is read from the copy, the rest when there is none any more.
		b, _ := s.Open(o)
		got := make([]byte, size/2)
		io.ReadFull(b, got)
		if want {
			s.chunks.hot.drop(o.Content)
		}
		rest, err := io.ReadAll(b)
		if got = append(got, rest...); err != nil || !bytes.Equal(got, bytesOf(1, size)) {
			t.Errorf("%d bytes: read %d around the copy's end, error %v", size, len(got), err)
		}
		b.Close()
		use(t, s, o, 1)
		s.Remove(o, Removed)
		if n := unused(t, &s.chunks.hot); s.Stats().Hot != n || o.Content.hot.Load() != nil {
			t.Errorf("%d bytes: the body has gone, its copy takes %d", size, s.Stats().Hot-n)
		}
	}
	f(inlineBody, false)
	f(inlineBody+1, true)
	f(hotSlab-1, true)
	f(hotSlab, true)
	f(16<<10, true)
	f(100<<10, true)
	f(1<<20, false) // of half a MiB for all slabs
}

// unused is what slabs without copies take, which wait for some; there must be nothing else.
func unused(t *testing.T, h *hot) (bytes int64) {
	t.Helper()
	await(h)
	h.slabs.mu.Lock()
	defer h.slabs.mu.Unlock()
	for _, s := range h.slabs.ring {
		if len(s.contents) != 0 {
			t.Error("a copy is left of nothing")
		}
		bytes += s.size
	}
	return bytes
}

// What is not used any more makes room for what is; what is used stays.
func TestHotCopiesAreBounded(t *testing.T) {
	f := func(size int) {
		t.Helper()
		s := New(Options[note]{Bodies: 16 << 20, Index: 4 << 20})
		hot := &s.chunks.hot
		touch := func(o *Object[note]) {
			b, ok := s.Open(o)
			if !ok {
				t.Fatal("lost")
			}
			b.Close()
			await(hot)
		}
		many, kept := 2*int(hot.limit()/int64(size)), 0
		var last *Object[note]
		first := put(t, s, key(0), Key{}, 0, size)
		use(t, s, first, 0)
		for i := 1; i <= many; i++ {
			o := put(t, s, key(uint64(i)), Key{}, uint64(i), size)
			for range 200 * hotTries * 8 {
				if o.Content.hot.Load() != nil {
					break
				}
				touch(o)
				touch(first)
				if last != nil {
					touch(last)
				}
			}
			last = o
			if first.Content.hot.Load() != nil {
				kept++
			}
			if o.Content.hot.Load() == nil {
				t.Fatalf("number %d of %d bytes is used a lot and has no copy", i, size)
			}
			checkHot(t, hot)
		}
		if kept < many*3/4 {
			t.Errorf("%d bytes: what is used all the time has a copy %d times of %d", size, kept, many)
		}
		if n := s.Stats().Hot; n < hot.limit()/8 {
			t.Errorf("copies of %d bytes take %d in all, of %d", size, n, hot.limit())
		}
		for i := range many + 1 {
			if o := s.Find(key(uint64(i))).Object(Key{}); o != nil {
				s.Remove(o, Removed)
			}
		}
		if n := s.Stats().Hot - unused(t, hot); n != 0 {
			t.Errorf("copies of %d bytes are left of nothing", n)
		}
	}
	f(5000)
	f(20 << 10)
	f(100 << 10)
}

// Copies come and go while others read, replace and remove; a body that is
// read is always one that was written, whole.
func TestHammerHot(t *testing.T) {
	s := New(Options[note]{Bodies: 64 << 20, Index: 4 << 20})
	one := func(r *rand.Rand) {
		n := r.Uint64N(64)
		set := s.Find(key(n))
		switch o := set.Object(Key{}); {
		case o == nil || r.IntN(50) == 0:
			put(t, s, key(n), Key{}, n, 193+int(n)*5000)
		case r.IntN(50) == 0:
			s.Remove(o, Removed)
		default:
			b, ok := s.Open(o)
			if !ok {
				return
			}
			defer b.Close()
			got, err := io.ReadAll(struct{ io.Reader }{b})
			if err != nil || !bytes.Equal(got, bytesOf(n, 193+int(n)*5000)) {
				t.Errorf("body %d: %d bytes, error %v", n, len(got), err)
			}
		}
	}
	var wg sync.WaitGroup
	stop := time.Now().Add(100 * time.Millisecond)
	for g := range 4 {
		wg.Go(func() {
			for r := rand.New(rand.NewPCG(uint64(g), 5)); time.Now().Before(stop); {
				one(r)
			}
		})
	}
	wg.Wait()
	await(&s.chunks.hot)
	checkHot(t, &s.chunks.hot)
	for n := range uint64(64) {
		if o := s.Find(key(n)).Object(Key{}); o != nil {
			s.Remove(o, Removed)
		}
	}
	if n := s.Stats().Hot - unused(t, &s.chunks.hot); n != 0 {
		t.Errorf("copies of %d bytes are left of nothing", n)
	}
}

// sender is a writer that can send from files.
type sender struct {
	bytes.Buffer
	files   int
	refuses bool
}

func (s *sender) SendFile(f *os.File, off, n int64) (int64, error) {
	if s.refuses {
		return 0, errors.ErrUnsupported
	}
	s.files++
	return io.Copy(&s.Buffer, io.NewSectionReader(f, off, n))
}

// The copy of a large body stands in a slab, from which the kernel sends; who
// does not send by the kernel, or wants little, reads it.
func TestHotSlab(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("files in memory are Linux's")
	}
	f := func(bodies int64, size int, slab int64) {
		t.Helper()
		s := New(Options[note]{Bodies: bodies, Index: 4 << 20})
		hot := &s.chunks.hot
		defer checkHot(t, hot)
		if size < 1<<20 && slab == hugePage {
			use(t, s, put(t, s, key(2), Key{}, 2, 100_001), 2) // it stands before the other
		}
		o := put(t, s, key(1), Key{}, 1, size)
		use(t, s, o, 1)
		if h := o.Content.hot.Load(); h == nil || h.slab == nil || h.slab.size != slab {
			t.Fatalf("%d bytes: no slab of %d bytes", size, slab)
		}
		send := func(skip, limit int, refuses bool, wantFiles int) {
			t.Helper()
			b, ok := s.Open(o)
			if !ok {
				t.Fatal("lost")
			}
			defer b.Close()
			b.Skip(int64(skip))
			b.Limit(int64(limit))
			to := sender{refuses: refuses}
			n, err := b.WriteTo(&to)
			want := bytesOf(1, size)[skip:min(size, skip+limit)]
			if err != nil || n != int64(len(want)) || !bytes.Equal(to.Bytes(), want) || to.files != wantFiles || b.Len() != 0 {
				t.Errorf("%d bytes from %d, at most %d: %d bytes, right %t, %d of a file, %d left, error %v", size, skip, limit, n, bytes.Equal(to.Bytes(), want), to.files, b.Len(), err)
			}
		}
		send(0, size, false, 1)
		send(0, size, true, 0)
		send(1, size-1, false, min(1, (size-1)/hotSlab))
		send(size/2, hotSlab-1, false, 0)
		send(size-1, 10, false, 0)
		checkHot(t, hot)

		// Who reads it holds it, and its room, when it is dropped.
		b, _ := s.Open(o)
		hot.slabs.mu.Lock()
		hot.slabs.remove(o.Content.hot.Load().slab)
		hot.slabs.mu.Unlock()
		s.Remove(o, Removed)
		if n := s.Stats().Hot; n != slab {
			t.Errorf("%d bytes are counted while the slab is read, want %d", n, slab)
		}
		var to sender
		if _, err := b.WriteTo(&to); err != nil || to.files != 1 || !bytes.Equal(to.Bytes(), bytesOf(1, size)) {
			t.Errorf("%d bytes of the dropped slab, error %v", to.Len(), err)
		}
		b.Close()
		if n := s.Stats().Hot; n != 0 {
			t.Errorf("nobody reads the slab any more, and %d bytes are counted", n)
		}
	}
	f(16<<20, hotSlab, 68<<10)  // an eighth of what there may be
	f(16<<20, 100_000, 100<<10) // or the body's own
	f(128<<20, hotSlab, hugePage)
	f(128<<20, 3*hotSlab+1, hugePage)
	f(128<<20, 100_001, hugePage)
	f(256<<20, 2_000_001, hugePage)
	f(256<<20, 2_100_001, 2*hugePage)
}

// A popular body has its copy by the second use after the two that make it
// popular, and none more is needed where a slab is there; it keeps it while
// others come and go, also those that are replaced all the time.
func TestHotCopyIsDependable(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("files in memory are Linux's")
	}
	s := New(Options[note]{Bodies: 256 << 20, Index: 4 << 20})
	hot := &s.chunks.hot
	open := func(o *Object[note], times int) {
		for range times {
			b, ok := s.Open(o)
			if !ok {
				t.Fatal("lost")
			}
			b.Close()
			await(hot)
		}
	}
	first := put(t, s, key(1), Key{}, 1, 1<<20)
	open(first, hotUses+1)
	if first.Content.hot.Load() == nil {
		t.Fatalf("no copy after %d uses", hotUses+1)
	}
	second := put(t, s, key(2), Key{}, 2, 100_000)
	open(second, hotUses)
	if second.Content.hot.Load() == nil {
		t.Fatalf("no copy after %d uses, a slab being there", hotUses)
	}
	slabs := map[*slab]bool{}
	for n := range 200 {
		o := put(t, s, key(3), Key{}, uint64(n+3), 300_000) // it takes the place of the one before, popular as that was
		open(o, hotUses+1)
		h := o.Content.hot.Load()
		if h == nil {
			t.Fatalf("replacement %d: no copy", n)
		}
		slabs[h.slab] = true
		open(first, 1)
		if first.Content.hot.Load() == nil {
			t.Fatalf("replacement %d: what is used all the time lost its copy", n)
		}
		checkHot(t, hot)
	}
	if most := 200*slabRoom(300_000)/hugePage + 40; int64(len(slabs)) > most {
		t.Errorf("%d slabs for 200 copies of 300 000 bytes", len(slabs))
	}
}

// A slab's file is empty, however the system came by its pages, and shows what is
// written to it.
func TestNewMemory(t *testing.T) {
	f := func(size int64) {
		t.Helper()
		m := newMemory(size)
		if m == nil {
			t.Skip("files in memory are Linux's")
		}
		defer m.close()
		got, err := io.ReadAll(m.file)
		if err != nil || int64(len(got)) != size || int64(len(m.bytes)) != size || bytes.Count(got, []byte{0}) != len(got) || bytes.Count(m.bytes, []byte{0}) != len(got) {
			t.Errorf("%d and %d bytes, want %d, of which %d are 0, error %v", len(got), len(m.bytes), size, bytes.Count(got, []byte{0}), err)
		}
		if _, err := m.file.WriteAt([]byte("end"), size-3); err != nil || string(m.bytes[size-3:]) != "end" {
			t.Errorf("of %d bytes the last show %q, error %v", size, m.bytes[size-3:], err)
		}
	}
	f(slabAlign)
	f(5 * slabAlign)
	f(hugePage)
	f(3 * hugePage)
}
