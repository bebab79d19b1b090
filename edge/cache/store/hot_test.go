package store

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
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
	h.mu.Lock()
	made := h.made
	h.mu.Unlock()
	if made != nil {
		<-made
	}
}

func checkHot(t *testing.T, h *hot) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	sum, open := int64(0), h.open == nil
	for i, e := range h.ring {
		v := e.slab
		if v == nil {
			sum += hotCost(e.content.size)
			if copied := e.content.hot.Load(); copied == nil || copied.place != i || copied.slab != nil {
				t.Errorf("the ring's entry %d does not stand there", i)
			}
			continue
		}
		open = open || h.open == v
		sum += v.size
		if v.place != i || v.held.Load() == 0 || v.end > v.size {
			t.Errorf("the slab %d of %d bytes says that it is %d, held %d times, %d bytes long", i, v.size, v.place, v.held.Load(), v.end)
		}
		live := int64(0)
		for k, c := range v.contents {
			copied := c.hot.Load()
			if copied == nil || copied.place != k || copied.slab != v || copied.at+copied.size > v.end {
				t.Fatalf("the copy %d of slab %d does not stand there", k, i)
			}
			if k > 0 {
				if before := v.contents[k-1].hot.Load(); before.at < copied.at && before.at+before.size > copied.at {
					t.Errorf("the copies %d and %d of slab %d overlap", k-1, k, i)
				}
			}
			live += c.size
		}
		if live != v.live {
			t.Errorf("slab %d counts %d bytes, its copies have %d", i, v.live, live)
		}
	}
	if room := h.room.Load(); !open || h.open != nil && room != h.open.size-h.open.end || h.open == nil && room != 0 {
		t.Errorf("the slab that is filled is in the ring: %t; it is said to have room for %d bytes", open, room)
	}
	if n := h.bytes.Load(); n != sum || n > h.limit {
		t.Errorf("%d bytes are counted, the copies take %d, and may take %d", n, sum, h.limit)
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
		if n := s.Stats().Hot; n != 0 || o.Content.hot.Load() != nil {
			t.Errorf("%d bytes: the body has gone, its copy takes %d", size, n)
		}
	}
	f(inlineBody, false)
	f(inlineBody+1, true)
	f(16<<10, true)
	f(100<<10, true)
	f(1<<20, false) // of half a MiB for all copies
}

// What is not used any more makes room for what is; what is used stays.
func TestHotCopiesAreBounded(t *testing.T) {
	s := New(Options[note]{Bodies: 16 << 20, Index: 4 << 20})
	const size, many = 20 << 10, 40
	var all [many]*Object[note]
	for i := range all {
		all[i] = put(t, s, key(uint64(i)), Key{}, uint64(i), size)
	}
	first := all[0]
	use(t, s, first, 0)
	for i := range all {
		for range 20 * hotTries {
			if all[i].Content.hot.Load() != nil {
				break
			}
			use(t, s, all[i], uint64(i))
			use(t, s, first, 0)
		}
		if all[i].Content.hot.Load() == nil {
			t.Fatalf("number %d is used a lot and has no copy", i)
		}
		if first.Content.hot.Load() == nil {
			t.Fatalf("the copy that is used all the time went for number %d", i)
		}
		checkHot(t, &s.chunks.hot)
	}
	if n, most := len(s.chunks.hot.ring), int(s.chunks.hot.limit/hotCost(size)); n != most {
		t.Errorf("%d copies, there is room for %d", n, most)
	}
	for i := range all {
		s.Remove(all[i], Removed)
	}
	if n := s.Stats().Hot; n != 0 {
		t.Errorf("copies of %d bytes are left of nothing", n)
	}
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
	await(&s.chunks.hot)
	s.chunks.hot.mu.Lock()
	left := int64(0) // a slab waits for whom it was made for
	for _, e := range s.chunks.hot.ring {
		if e.slab == nil || len(e.slab.contents) != 0 {
			t.Error("a copy is left of nothing")
		} else {
			left += e.slab.size
		}
	}
	s.chunks.hot.mu.Unlock()
	if n := s.Stats().Hot; n != left {
		t.Errorf("copies of %d bytes are left of nothing", n-left)
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
		if slab == hugePage && size < hugePage/2 {
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
		send(1, size-1, false, min(1, (size-1)/hotFile))
		send(12345, hotFile-1, false, 0)
		send(size-1, 10, false, 0)
		checkHot(t, hot)

		// Who reads it holds it, and its room, when it is dropped.
		b, _ := s.Open(o)
		hot.mu.Lock()
		hot.remove(hotEntry{slab: o.Content.hot.Load().slab})
		hot.mu.Unlock()
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
	f(16<<20, hotFile+1, hotFile+slabAlign) // a slab of its own
	f(128<<20, hotFile, hugePage)
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

// A slab's file is empty, however the system came by its pages.
func TestNewMemory(t *testing.T) {
	f := func(size int64) {
		t.Helper()
		file := newMemory(size)
		if file == nil {
			t.Skip("files in memory are Linux's")
		}
		defer file.Close()
		got, err := io.ReadAll(file)
		if err != nil || int64(len(got)) != size || bytes.Count(got, []byte{0}) != len(got) {
			t.Errorf("%d bytes, want %d, of which %d are 0, error %v", len(got), size, bytes.Count(got, []byte{0}), err)
		}
	}
	f(slabAlign)
	f(hugePage)
	f(3 * hugePage)
}
