package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

type note struct{ n int }

func key(n uint64) (k Key) {
	binary.LittleEndian.PutUint64(k[:], n)
	return k
}

// bytesOf is a body in which every eight bytes tell whose they are and where.
func bytesOf(seed uint64, n int) []byte {
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], (uint64(i)+1)*(seed*2+0x9e3779b97f4a7c15))
	}
	return b[:n]
}

func put(tb testing.TB, s *Store[note], k, variant Key, seed uint64, size int, names ...string) *Object[note] {
	tb.Helper()
	w := s.Chunks().Create()
	defer w.Close()
	for b := bytesOf(seed, size); len(b) > 0; {
		n := min(len(b), s.Chunks().Size())
		if err := w.Put(b[:n]); err != nil {
			tb.Fatal(err)
		}
		b = b[n:]
	}
	o := &Object[note]{Key: k, Variant: variant, Content: w.Content(), Meta: note{size}}
	s.Insert(o, names)
	return o
}

func TestChunkSize(t *testing.T) {
	f := func(arena int64, want int) {
		t.Helper()
		if got := chunkSize(arena); got != want {
			t.Errorf("an arena of %d bytes has chunks of %d, want %d", arena, got, want)
		}
		// A full chunk is never too large an entry, nor are two the same place.
		c := newChunks(arena)
		for n := range 3 {
			if _, err := c.put(7, n, make([]byte, c.Size())); err != nil {
				t.Errorf("an arena of %d bytes: %v", arena, err)
			}
		}
		if max := int(max(arena, arenaLeast))/rings/4 - entryOverhead; c.Size() > max {
			t.Errorf("an arena of %d bytes takes entries of %d, a chunk is %d", arena, max, c.Size())
		}
	}
	f(512<<10, 256)
	f(1<<20, 256)
	f(8<<20, 2<<10)
	f(10<<20, 2<<10)
	f(16<<20, 4<<10)
	f(64<<20, 16<<10)
	f(100<<20, 16<<10)
	f(128<<20, 32<<10)
	f(256<<20, 64<<10)
}

// An object of a quarter of the arena, the largest that a cache stores, does not push out parts of itself; nor when it comes
// again, over what is left of itself.
func TestLargestObjectFits(t *testing.T) {
	for arena := int64(4 << 20); arena <= 16<<20; arena += 3 << 20 {
		s := New(Options[note]{Bodies: arena, Index: 4 << 20})
		for n := range 3 {
			o := put(t, s, key(uint64(n)), Key{}, uint64(n), int(arena/4))
			b, ok := s.Open(o)
			if !ok {
				t.Errorf("an arena of %d MiB: object %d of %d KiB is not there", arena>>20, n, arena>>12)
				continue
			}
			if got, err := io.Copy(io.Discard, b); got != arena/4 || err != nil {
				t.Errorf("an arena of %d MiB: read %d of %d bytes, %v", arena>>20, got, arena/4, err)
			}
			b.Close()
		}
	}
}

// onlyWriter hides what else a writer can do.
type onlyWriter struct{ io.Writer }

func TestBodyIsReadAsItWasWritten(t *testing.T) {
	s := New(Options[note]{Bodies: 16 << 20, Index: 4 << 20})
	c := s.Chunks().Size()
	f := func(size int, skip, limit int64) {
		t.Helper()
		want := bytesOf(uint64(size), size)
		want = want[min(max(skip, 0), int64(len(want))):]
		if limit >= 0 {
			want = want[:min(limit, int64(len(want)))]
		}
		o := put(t, s, key(uint64(size)), Key{}, uint64(size), size)
		if n := (size + c - 1) / c; s.chunks.count(int64(size)) != n || size > 0 && s.chunks.length(int64(size), n-1) != size-(n-1)*c {
			t.Errorf("%d bytes: %d chunks, the last of %d", size, s.chunks.count(int64(size)), s.chunks.length(int64(size), n-1))
		}
		ways := map[string]func(b *Body) ([]byte, error){
			"Read":  func(b *Body) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{b}) },
			"Read3": func(b *Body) ([]byte, error) { return io.ReadAll(io.LimitReader(&threes{b}, 1<<40)) },
			"WriteTo": func(b *Body) ([]byte, error) {
				var w bytes.Buffer
				_, err := b.WriteTo(onlyWriter{&w})
				return w.Bytes(), err
			},
			"WriteTo bufio small": func(b *Body) ([]byte, error) { return throughBufio(b, 512) },
			"WriteTo bufio large": func(b *Body) ([]byte, error) { return throughBufio(b, 3*c) },
		}
		for way, read := range ways {
			b, ok := s.Open(o)
			if !ok {
				t.Fatalf("%d bytes: cannot be opened", size)
			}
			b.Skip(skip)
			if limit >= 0 {
				b.Limit(limit)
			}
			if b.Len() != int64(len(want)) {
				t.Errorf("%d bytes, skip %d, limit %d: Len is %d, want %d", size, skip, limit, b.Len(), len(want))
			}
			got, err := read(b)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, skip %d, limit %d, by %s: %d bytes, equal %t, error %v", size, skip, limit, way, len(got), bytes.Equal(got, want), err)
			}
			b.Close()
		}
	}
	for _, size := range []int{0, 1, 2, inlineBody, inlineBody + 1, c - 1, c, c + 1, 2*c - 1, 2 * c, 2*c + 1, 9*c + 17, smallBody - 1, smallBody, smallBody + 1} {
		f(size, 0, -1)
		f(size, 1, -1)
		f(size, int64(c), 1)
		f(size, int64(c)-1, 3)
		f(size, int64(size), -1)
		f(size, 1<<40, 1<<40)
		f(size, 0, 0)
		f(size, -1, -1)
	}
}

type threes struct{ r io.Reader }

func (t *threes) Read(p []byte) (int, error) { return t.r.Read(p[:min(3, len(p))]) }

func throughBufio(b *Body, size int) ([]byte, error) {
	var out bytes.Buffer
	w := bufio.NewWriterSize(&out, size)
	w.WriteString("head")
	if _, err := b.WriteTo(w); err != nil {
		return nil, err
	}
	w.Flush()
	return out.Bytes()[len("head"):], nil
}

func TestLostChunk(t *testing.T) {
	var gone []Cause
	s := New(Options[note]{Bodies: 16 << 20, Index: 4 << 20, Gone: func(_ *Object[note], c Cause) { gone = append(gone, c) }})
	c := s.Chunks().Size()
	f := func(size, chunk int, wantOpen bool, wantRead int) {
		t.Helper()
		gone = gone[:0]
		o := put(t, s, key(1), Key{}, 1, size)
		o.Content.chunks.drop(o.Content.key(chunk), o.Content.chunks.length(o.Content.size, chunk))
		b, ok := s.Open(o)
		if ok != wantOpen {
			t.Errorf("%d bytes without chunk %d: opened %t", size, chunk, ok)
		}
		if ok {
			got, err := io.ReadAll(b)
			if err != ErrLost || len(got) != wantRead || !bytes.Equal(got, bytesOf(1, size)[:len(got)]) {
				t.Errorf("%d bytes without chunk %d: read %d, want %d, error %v", size, chunk, len(got), wantRead, err)
			}
			b.Close()
			if _, ok := s.Open(o); ok {
				t.Errorf("%d bytes without chunk %d: opened a second time", size, chunk)
			}
		}
		if set := s.Find(key(1)); set != nil {
			t.Errorf("%d bytes without chunk %d: still in the index", size, chunk)
		}
		if len(gone) != 1 || gone[0] != Lost {
			t.Errorf("%d bytes without chunk %d: left because of %v", size, chunk, gone)
		}
	}
	f(inlineBody+1, 0, false, 0)
	f(3*c, 0, false, 0)
	f(3*c, 2, false, 0)
	f(1<<20, (1<<20)/c-1, false, 0)
	looked := max(verified, verifiedBytes/c)
	f(looked*c+1, looked, true, looked*c)
	if n := s.Stats().LostChunks; n != 1 {
		t.Errorf("%d bodies were cut, want 1", n)
	}
}

// A body that is being read keeps its chunks when its object is replaced.
func TestReplacedWhileRead(t *testing.T) {
	s := New(Options[note]{Bodies: 16 << 20, Index: 4 << 20})
	size := 5 * s.Chunks().Size()
	before := s.Stats().Chunks
	o := put(t, s, key(1), Key{}, 1, size)
	b, _ := s.Open(o)
	put(t, s, key(1), Key{}, 2, 1000)
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, bytesOf(1, size)) {
		t.Errorf("read %d bytes of the replaced body, %v", len(got), err)
	}
	b.Close()
	if n := s.Stats().Chunks - before; n != 1 {
		t.Errorf("%d chunks are left, want that of the new body", n)
	}
}

// Two objects with one content: the chunks stay until both have gone.
func TestSharedContent(t *testing.T) {
	s := New(Options[note]{Bodies: 16 << 20, Index: 4 << 20})
	o := put(t, s, key(1), Key{}, 1, 1000)
	again := &Object[note]{Key: o.Key, Content: o.Content}
	if !s.Insert(again, nil) {
		t.Fatal("not inserted")
	}
	b, ok := s.Open(again)
	if !ok {
		t.Fatal("the content went with the first object")
	}
	b.Close()
	s.Remove(again, Removed)
	if n := s.Stats().Chunks; n != 0 {
		t.Errorf("%d chunks are left", n)
	}
	if s.Insert(&Object[note]{Key: o.Key, Content: o.Content}, nil) {
		t.Error("an object was inserted whose content has gone")
	}
}

func TestVariants(t *testing.T) {
	s := New(Options[note]{Bodies: 1 << 20, Index: 4 << 20})
	f := func(variant uint64, names string, wantVariants int) {
		t.Helper()
		put(t, s, key(1), key(variant), variant, 10, strings.Fields(names)...)
		set := s.Find(key(1))
		if set.Len() != wantVariants || strings.Join(set.Names(), " ") != names || set.Object(key(variant)) == nil {
			t.Errorf("variant %d by %q: %d variants by %q", variant, names, set.Len(), set.Names())
		}
	}
	f(0, "", 1)
	f(1, "accept", 1) // others could not be told apart by the new names
	f(2, "accept", 2)
	f(1, "accept", 2)
	f(3, "accept accept-language", 1)
	for i := range MaxVariants - 1 {
		f(uint64(10+i), "accept accept-language", 2+i)
	}
	f(1000, "accept accept-language", MaxVariants)
	if s.Find(key(1)).Object(key(3)) != nil {
		t.Error("the oldest of too many variants is still there")
	}
	f(0, "", 1)
}

func TestOlderDoesNotReplaceNewer(t *testing.T) {
	s := New(Options[note]{Bodies: 1 << 20, Index: 4 << 20})
	w := s.Chunks().Create()
	f := func(born, variant uint64, names []string, want bool) {
		t.Helper()
		if got := s.Insert(&Object[note]{Born: born, Variant: key(variant), Content: w.Content()}, names); got != want {
			t.Errorf("born %d: inserted %t", born, got)
		}
	}
	f(5, 0, nil, true)
	f(4, 0, nil, false)
	f(4, 1, []string{"accept"}, false)
	f(5, 0, nil, true)
	f(6, 1, []string{"accept"}, true)
	f(5, 2, []string{"accept"}, true)
	f(5, 1, []string{"accept"}, false)
}

// A scan of one-hit wonders does not push out what is asked for again and again.
func TestScanKeepsTheHotOnes(t *testing.T) {
	s := New(Options[note]{Bodies: 8 << 20, Index: 1 << 20})
	const hot = 100
	for i := range uint64(hot) {
		put(t, s, key(i), Key{}, i, 10)
	}
	kept := 0
	for i := range uint64(20_000) {
		put(t, s, key(1000+i), Key{}, i, 10)
		if o := s.Find(key(i % hot)).Object(Key{}); o != nil {
			if b, ok := s.Open(o); ok {
				b.Close()
			}
		}
	}
	for i := range uint64(hot) {
		if s.Find(key(i)).Len() > 0 {
			kept++
		}
	}
	if kept < hot*9/10 {
		t.Errorf("%d of %d hot objects are left after a scan", kept, hot)
	}
	if st := s.Stats(); st.IndexBytes > st.IndexLimit {
		t.Errorf("the index has %d bytes, the limit is %d", st.IndexBytes, st.IndexLimit)
	}
}

// A head that would fill the index is refused.
func TestHugeHead(t *testing.T) {
	s := New(Options[note]{Bodies: 1 << 20, Index: 1 << 20})
	w := s.Chunks().Create()
	var h exchange.Header
	h.Add("X-Long", strings.Repeat("x", 200<<10))
	if s.Insert(&Object[note]{Head: Pack(200, &h), Content: w.Content()}, nil) {
		t.Error("a head of 200 KiB was taken into an index of 1 MiB")
	}
}

// What the index counts is what the heap holds, and stays within its bound.
func TestIndexBytesAreCounted(t *testing.T) {
	const limit = 24 << 20
	s := New(Options[note]{Bodies: 512 << 10, Index: limit})
	var h exchange.Header
	h.Add("Content-Type", "text/html; charset=utf-8")
	h.Add("Cache-Control", "public, max-age=3600")
	h.Add("ETag", `"0123456789abcdef"`)
	h.Add("X-Made-By", "the test")
	w := s.Chunks().Create() // one empty content: the index is measured, not the arena
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	insert := func(from, to uint64) {
		for i := from; i < to; i++ {
			o := &Object[note]{Key: key(i), Head: Pack(200, &h), Content: &Content{chunks: s.chunks}}
			o.Content.held.Store(1)
			s.Insert(o, nil)
		}
	}
	before := heap()
	insert(0, 20_000)
	used, st := heap()-before, s.Stats()
	if ratio := float64(used) / float64(st.IndexBytes); ratio > 1.1 || ratio < 0.6 {
		t.Errorf("%d objects take %d bytes of heap, counted are %d", st.Objects, used, st.IndexBytes)
	}
	t.Logf("an object takes %d bytes of heap, %d are counted, its head %d", used/int64(st.Objects), st.IndexBytes/int64(st.Objects), (&Object[note]{Head: Pack(200, &h)}).Head.Size())
	insert(20_000, 150_000)
	used, st = heap()-before, s.Stats()
	if st.IndexBytes > limit || used > limit*11/10 {
		t.Errorf("counted %d, heap %d bytes, the limit is %d", st.IndexBytes, used, limit)
	}
	runtime.KeepAlive(w)
}

// Under pressure, with objects from 1 byte to 4 MiB, nothing wrong or short is
// ever read without an error.
func TestPressure(t *testing.T) {
	evicted := 0
	s := New(Options[note]{Bodies: 10 << 20, Index: 4 << 20, Gone: func(_ *Object[note], c Cause) {
		if c == Evicted {
			evicted++
		}
	}})
	r := rand.New(rand.NewPCG(1, 2))
	sizes := func() int { return 1 + r.IntN(1<<(1+r.IntN(20))) }
	const keys = 400
	opened, lost, cut := 0, 0, 0
	for i := range 4000 {
		k := uint64(r.IntN(keys))
		if o := s.Find(key(k)).Object(Key{}); o != nil {
			b, ok := s.Open(o)
			if !ok {
				lost++
				continue
			}
			opened++
			// Something else is stored while this one is being read.
			var got bytes.Buffer
			io.CopyN(&got, b, int64(r.IntN(o.Meta.n+1)))
			put(t, s, key(keys+uint64(i)), Key{}, 9, sizes())
			_, err := b.WriteTo(&got)
			b.Close()
			switch {
			case err == ErrLost:
				cut++
			case err != nil || got.Len() != o.Meta.n:
				t.Fatalf("key %d: %d of %d bytes, error %v", k, got.Len(), o.Meta.n, err)
			}
			if !bytes.Equal(got.Bytes(), bytesOf(k, o.Meta.n)[:got.Len()]) {
				t.Fatalf("key %d: wrong bytes", k)
			}
			continue
		}
		size := sizes()
		if i%500 == 0 {
			size = 4 << 20
		}
		put(t, s, key(k), Key{}, k, size)
	}
	t.Logf("opened %d, evicted %d, gone at opening %d, cut %d; %+v", opened, evicted, lost, cut, s.Stats())
	st := s.Stats()
	if opened == 0 || evicted == 0 || st.Moved == 0 {
		t.Error("there was no pressure")
	}
	// The index evicts, and nobody else: not even from under a reader.
	if lost != 0 || cut != 0 || st.Displaced != 0 || s.chunks.arena.EvacuateCount() != 0 {
		t.Errorf("%d objects were gone, %d bodies cut, freecache evicted %d chunks", lost, cut, s.chunks.arena.EvacuateCount())
	}
}

func TestHeadRoundTrip(t *testing.T) {
	var h, got exchange.Header
	h.Add("content-type", "text/html")
	h.Add("X-Empty", "")
	h.Add("x-Long-"+strings.Repeat("n", 200), strings.Repeat("v", 20000))
	h.Add("Set-Cookie", "a=1")
	h.Add("Set-Cookie", "b=2")
	p := Pack(203, &h)
	p.Unpack(&got)
	if got.Len() != h.Len() {
		t.Fatalf("%d fields, want %d", got.Len(), h.Len())
	}
	for i := range h.Len() {
		a, b := h.At(i), got.At(i)
		if a.Value != b.Value || a.Known() != b.Known() || !strings.EqualFold(a.Name, b.Name) {
			t.Errorf("field %d is %q: %q, want %q: %q", i, b.Name, b.Value, a.Name, a.Value)
		}
	}
	if v := p.Value(exchange.SetCookie); v != "a=1" {
		t.Errorf("Set-Cookie is %q", v)
	}
	if v := p.Value(exchange.ETag); v != "" {
		t.Errorf("ETag is %q", v)
	}
}

func FuzzHead(f *testing.F) {
	f.Add("Content-Type", "a", "X-A", "")
	f.Add("", "", "Age", strings.Repeat("9", 128))
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string) {
		var h, got exchange.Header
		h.Add(n1, v1)
		h.Add(n2, v2)
		p := Pack(200, &h)
		p.Unpack(&got)
		if got.Len() != 2 || got.At(0).Value != v1 || got.At(1).Value != v2 || !strings.EqualFold(got.At(0).Name, n1) || !strings.EqualFold(got.At(1).Name, n2) {
			t.Errorf("%q: %q, %q: %q come back as %v", n1, v1, n2, v2, got)
		}
	})
}

// Store, find, open, replace and remove at once: what is read whole is right,
// and at the end nothing is held or counted that is not there.
func TestHammer(t *testing.T) {
	var departed atomic.Int64
	s := New(Options[note]{Bodies: 2 << 20, Index: 1 << 20, Gone: func(*Object[note], Cause) { departed.Add(1) }})
	var wg sync.WaitGroup
	var inserted atomic.Int64
	stop := time.Now().Add(100 * time.Millisecond)
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 5))
			for time.Now().Before(stop) {
				k := uint64(r.IntN(50))
				set := s.Find(key(k))
				o := set.Object(key(1))
				switch {
				case o == nil || r.IntN(4) == 0:
					put(t, s, key(k), key(1), k, 1+r.IntN(5000), "accept")
					inserted.Add(1)
				case r.IntN(8) == 0:
					s.Remove(o, Removed)
				default:
					if b, ok := s.Open(o); ok {
						var got bytes.Buffer
						if _, err := b.WriteTo(&got); err == nil && !bytes.Equal(got.Bytes(), bytesOf(k, o.Meta.n)) {
							t.Errorf("key %d: wrong body of %d bytes", k, got.Len())
						}
						b.Close()
					}
				}
			}
		})
	}
	wg.Wait()
	for k := range uint64(50) {
		if o := s.Find(key(k)).Object(key(1)); o != nil {
			s.Remove(o, Removed)
		}
	}
	if st := s.Stats(); st.Objects != 0 || st.Keys != 0 || st.IndexBytes != 0 || st.Chunks != 0 {
		t.Errorf("all was removed, but %+v", st)
	}
	if departed.Load() != inserted.Load() {
		t.Errorf("%d objects went in, %d came out", inserted.Load(), departed.Load())
	}
}

func TestHitDoesNotAllocate(t *testing.T) {
	f := func(size int) {
		t.Helper()
		s := New(Options[note]{Bodies: 16 << 20, Index: 4 << 20})
		put(t, s, key(1), Key{}, 1, size)
		n := testing.AllocsPerRun(200, func() {
			b, ok := s.Open(s.Find(key(1)).Object(Key{}))
			if !ok {
				t.Fatal("lost")
			}
			b.WriteTo(io.Discard)
			b.Close()
		})
		if n != 0 {
			t.Errorf("%d bytes: a hit allocates %v times", size, n)
		}
	}
	f(0)
	f(1)
	f(1 << 10)
	f(6 << 10)
	f(100 << 10)
}

func BenchmarkHit(b *testing.B) {
	f := func(name string, size int) {
		b.Run(name, func(b *testing.B) {
			s := New(Options[note]{})
			put(b, s, key(1), Key{}, 1, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				body, _ := s.Open(s.Find(key(1)).Object(Key{}))
				body.WriteTo(io.Discard)
				body.Close()
			}
		})
	}
	f("1KiB", 1<<10)
	f("16KiB", 16<<10)
	f("1MiB", 1<<20)
}

func ExampleCause() {
	fmt.Println(Replaced, Evicted, Lost, Removed)
	// Output: replaced evicted lost removed
}

// The index keeps the object of a body that lies elsewhere as long as somebody holds it.
func TestElsewhere(t *testing.T) {
	s := New(Options[struct{}]{Bodies: 1 << 20, Index: 1 << 20})
	c := Elsewhere(1 << 40)
	o := &Object[struct{}]{Key: Key{1}, Content: c}
	if !s.Insert(o, nil) || c.Size() != 1<<40 {
		t.Fatal("it was not taken")
	}
	c.Release()
	if s.Find(Key{1}).Object(Key{}) != o || !s.Insert(&Object[struct{}]{Key: Key{2}, Content: c}, nil) {
		t.Error("the index does not hold it")
	}
	s.Remove(o, Removed)
	s.Remove(s.Find(Key{2}).Object(Key{}), Removed)
	if s.Insert(&Object[struct{}]{Key: Key{3}, Content: c}, nil) {
		t.Error("a content that nobody held was taken again")
	}
	lost := Elsewhere(1)
	if lost.Lose(); s.Insert(&Object[struct{}]{Key: Key{4}, Content: lost}, nil) {
		t.Error("a lost content was taken")
	}
}
