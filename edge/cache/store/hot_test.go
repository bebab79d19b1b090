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
	for range hotUses + 1 {
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

func checkHot(t *testing.T, h *hot) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	sum := int64(0)
	for i, c := range h.ring {
		sum += hotCost(c.size)
		if copied := c.hot.Load(); copied == nil || copied.place != i {
			t.Errorf("the ring's entry %d does not stand there", i)
		}
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
	checkHot(t, &s.chunks.hot)
	for n := range uint64(64) {
		if o := s.Find(key(n)).Object(Key{}); o != nil {
			s.Remove(o, Removed)
		}
	}
	if n := s.Stats().Hot; n != 0 {
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

// The copy of a large body is a file, from which the kernel sends; who does not
// send by the kernel, or wants little, reads it.
func TestHotFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("files in memory are Linux's")
	}
	s := New(Options[note]{Bodies: 64 << 20, Index: 4 << 20})
	const size = 400_000
	o := put(t, s, key(1), Key{}, 1, size)
	use(t, s, o, 1)
	if h := o.Content.hot.Load(); h == nil || h.file == nil {
		t.Fatal("there is no file")
	}
	f := func(skip, limit int64, refuses bool, wantFiles int) {
		t.Helper()
		b, ok := s.Open(o)
		if !ok {
			t.Fatal("lost")
		}
		defer b.Close()
		b.Skip(skip)
		b.Limit(limit)
		to := sender{refuses: refuses}
		n, err := b.WriteTo(&to)
		want := bytesOf(1, size)[skip:min(size, skip+limit)]
		if err != nil || n != int64(len(want)) || !bytes.Equal(to.Bytes(), want) || to.files != wantFiles || b.Len() != 0 {
			t.Errorf("from %d, at most %d: %d bytes, right %t, %d of a file, %d left, error %v", skip, limit, n, bytes.Equal(to.Bytes(), want), to.files, b.Len(), err)
		}
	}
	f(0, size, false, 1)
	f(0, size, true, 0)
	f(1, size, false, 1)
	f(12345, hotFile, false, 1)
	f(12345, hotFile-1, false, 0)
	f(size-1, 10, false, 0)
	checkHot(t, &s.chunks.hot)

	// Who reads it holds it, and its room, when it is dropped.
	b, _ := s.Open(o)
	s.Remove(o, Removed)
	if n := s.Stats().Hot; n != hotCost(size) {
		t.Errorf("%d bytes are counted while the file is read, want %d", n, hotCost(size))
	}
	var to sender
	if _, err := b.WriteTo(&to); err != nil || to.files != 1 || !bytes.Equal(to.Bytes(), bytesOf(1, size)) {
		t.Errorf("%d bytes of the dropped file, error %v", to.Len(), err)
	}
	b.Close()
	if n := s.Stats().Hot; n != 0 {
		t.Errorf("nobody reads the file any more, and %d bytes are counted", n)
	}
}
