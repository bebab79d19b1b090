package disk

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// What is stored is found, in its newest version, before and after a restart.
func TestStored(t *testing.T) {
	fsys := vfs.Dir(t.TempDir())
	d := open(t, fsys, 16<<20)
	sizes := []int{0, 1, 100, block - 1, block, block + 1, 3*block + 5, 300 << 10, 1<<20 + 7}
	for n, size := range sizes {
		for version := 1; version <= 2; version++ {
			if !store(d, n, version, size) {
				t.Fatalf("%d bytes were not taken", size)
			}
		}
		if store(d, n, 1, size) {
			t.Error("an older version was taken")
		}
	}
	d.Forget(key(1), Key{})
	for _, restarted := range []bool{false, true, true} {
		if restarted {
			d.Close()
			d = open(t, fsys, 16<<20)
		}
		for n := range sizes {
			want := 2
			if n == 1 {
				want = 0
			}
			if v := find(t, d, n); v != want {
				t.Errorf("%d bytes, restarted %t: version %d, want %d", sizes[n], restarted, v, want)
			}
		}
		if find(t, d, 1000) != 0 || d.Has(key(1000)) || !d.Has(key(2)) {
			t.Error("something is found that is not there, or the other way round")
		}
	}
	d.Close()
}

// Without the lists, as after a kill, the index is made of the heads.
func TestScan(t *testing.T) {
	fsys := memory(t)
	d := open(t, fsys, 16<<20)
	for n := range 40 {
		store(d, n, 1+n%3, 1000*n)
	}
	d.Forget(key(7), Key{})
	names, _ := fsys.List()
	for _, name := range names {
		if _, ok := segmentNumber(name, ".idx"); ok {
			fsys.Remove(name)
		}
	}
	d = open(t, fsys, 16<<20) // the first one was killed
	defer d.Close()
	for n := range 40 {
		want := 1 + n%3
		if n == 7 {
			want = 0
		}
		if v := find(t, d, n); v != want {
			t.Errorf("%d: version %d, want %d", n, v, want)
		}
	}
	before := d.Stats().Segments
	store(d, 100, 1, 10)
	if n := d.Stats().Segments; n != before {
		t.Errorf("%d segments, there were %d: the last one was not used again", n, before)
	}
}

// Variants are found by the names of the newest one.
func TestVariants(t *testing.T) {
	d := open(t, memory(t), 16<<20)
	defer d.Close()
	by := []string{"accept-encoding"}
	f := func(variant byte, names []string, want string) {
		t.Helper()
		r, _, ok := d.Find(key(1), func(names []string) Key {
			if len(names) == 0 {
				return Key{}
			}
			return Key{variant}
		})
		if got := string(r.Meta); got != want || ok != (want != "") || ok && !slices.Equal(r.Names, names) {
			t.Errorf("variant %d: %q by %v, want %q", variant, got, r.Names, want)
		}
	}
	storeAs(d, 1, 1, 10, by, Key{1})
	storeAs(d, 1, 2, 20, by, Key{2})
	f(1, by, "1/1/10")
	f(2, by, "1/2/20")
	f(3, by, "")
	d.Forget(key(1), Key{2})
	f(1, by, "1/1/10")
	f(2, by, "")
	storeAs(d, 1, 3, 30, nil, Key{})
	f(1, nil, "1/3/30")
	d.ForgetAll(key(1))
	f(1, nil, "")
	for v := range 100 {
		storeAs(d, 2, 1, 10, by, Key{byte(v), 0, 1})
	}
	if n := d.index.length(half(key(2))); n != maxVariants {
		t.Errorf("%d variants are kept, want %d", n, maxVariants)
	}
}

// The oldest segment makes room as a whole, and the tier stays in its bounds.
func TestEviction(t *testing.T) {
	fsys := memory(t)
	const size = 2 << 20
	evicted := 0
	d, err := Open(Options{FS: fsys, Size: size, Segment: 256 << 10, Events: Events{Evicted: func(n int, bytes int64, age time.Duration) {
		evicted += n
		if bytes <= 0 || bytes > 256<<10 || age < 0 {
			t.Errorf("evicted %d bytes at the age of %v", bytes, age)
		}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 1000 {
		if !store(d, n, 1, 10_000+n) {
			t.Fatalf("%d was not taken", n)
		}
		if find(t, d, n) != 1 {
			t.Fatalf("%d is not there", n)
		}
		d.tend1()
		if s := d.Stats(); s.Bytes > size || s.Segments > 8 {
			t.Fatalf("after %d: %+v", n, s)
		}
	}
	s := d.Stats()
	if s.Objects < 100 || s.Objects > 200 || s.Evicted < 800 || int64(evicted) != s.Evicted {
		t.Errorf("%+v, %d told", s, evicted)
	}
	d.Close()
	names, _ := fsys.List()
	if len(names) > 16 {
		t.Errorf("files are left: %v", names)
	}
	d = open(t, fsys, size)
	d.Close()
}

// What is asked for stays when its segment goes; what is not goes.
func TestReadmission(t *testing.T) {
	d := open(t, memory(t), 2<<20)
	defer d.Close()
	for n := range 2000 {
		store(d, n, 1, 5000)
		d.tend1() // while it moves, a find may miss it
		if n >= 3 && find(t, d, 3) != 1 {
			t.Fatalf("the popular one is gone after %d others", n)
		}
	}
	if find(t, d, 4) != 0 {
		t.Error("the one that nobody asked for is there")
	}
	if d.Stats().Readmitted == 0 {
		t.Error("nothing was copied")
	}
}

// tend1 waits until the tender has done what it has to do now. Without it a test
// may write faster than the tender makes room.
func (t *Tier) tend1() {
	select {
	case t.wake <- struct{}{}:
	default: // it has been woken already
	}
	for by := time.Now().Add(10 * time.Second); time.Now().Before(by); runtime.Gosched() {
		t.mu.Lock()
		full := t.sealed+2*t.o.Segment > t.o.Size && len(t.segments) > 2
		t.mu.Unlock()
		if !full {
			return
		}
	}
}

// A body that is being read stays until it has been read, but not without end.
func TestReaderOfEvicted(t *testing.T) {
	d := open(t, memory(t), 1<<20)
	defer d.Close()
	store(d, 1, 1, 200_000)
	_, c, ok := d.Find(key(1), plain)
	if !ok {
		t.Fatal("it is not there")
	}
	b, ok := c.Open()
	if !ok {
		t.Fatal("it cannot be opened")
	}
	d.seal1()
	if !d.evict() {
		t.Fatal("nothing was evicted")
	}
	var got bytes.Buffer
	if _, err := b.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), content(1, 1, 200_000)) {
		t.Errorf("%d bytes, %v", got.Len(), err)
	}
	b.Close()
	if _, ok := c.Open(); ok || len(d.doomed) != 0 {
		t.Error("it can be opened although its segment is gone")
	}
	// Slow readers of more than a quarter of the tier: the first is cut.
	var slow []*Body
	for n := range 3 {
		store(d, n, 2, 200_000)
		_, c, _ := d.Find(key(n), plain)
		b, ok := c.Open()
		if !ok {
			t.Fatal("it cannot be opened")
		}
		slow = append(slow, b)
		d.seal1()
		d.evict()
	}
	for n, b := range slow {
		got.Reset()
		_, err := b.WriteTo(&got)
		if cut := err == ErrLost; cut != (n < 2) {
			t.Errorf("reader %d: %v", n, err)
		}
		if !bytes.Equal(got.Bytes(), content(n, 2, got.Len())) {
			t.Errorf("reader %d got wrong bytes", n)
		}
		b.Close()
	}
}

func (t *Tier) seal1() {
	t.wmu.Lock()
	t.seal()
	t.wmu.Unlock()
}

// Ranges read what they need, at every edge of a block and a stretch.
func TestRanges(t *testing.T) {
	d := open(t, vfs.Dir(t.TempDir()), 16<<20)
	defer d.Close()
	const size = 900_000
	store(d, 1, 1, size)
	want := content(1, 1, size)
	_, c, _ := d.Find(key(1), plain)
	f := func(from, n int64) {
		t.Helper()
		b, ok := c.Open()
		if !ok {
			t.Fatal("it cannot be opened")
		}
		defer b.Close()
		b.Skip(from)
		b.Limit(n)
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, want[min(from, size):min(from+n, size)]) {
			t.Errorf("%d bytes from %d: got %d, %v", n, from, len(got), err)
		}
	}
	f(0, size)
	f(size, 1)
	f(size-1, 10)
	for _, edge := range []int64{block, 2 * block, 128 << 10, 256 << 10, 512 << 10} {
		for _, by := range []int64{-1, 0, 1} {
			f(edge+by, 1)
			f(edge+by, block)
			f(0, edge+by)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		f(r.Int64N(size), r.Int64N(size))
	}
}

// A reader of a body that arrives reads what has been written.
func TestChunks(t *testing.T) {
	d := open(t, memory(t), 16<<20)
	defer d.Close()
	for _, length := range []int64{500_000, -1} {
		w := d.Create(length)
		want := content(1, 1, 500_000)
		for off := 0; off < len(want); off += block {
			b := want[off:min(off+block, len(want))]
			if err := w.Put(b); err != nil {
				t.Fatal(err)
			}
			for n := 0; n*block <= off; n++ {
				b := want[n*block : min((n+1)*block, len(want))]
				got, ok := w.Chunk(n, len(b), make([]byte, 0, block))
				if !ok || !bytes.Equal(got, b) {
					t.Errorf("length %d, chunk %d at %d: %t", length, n, off, ok)
				}
			}
		}
		if _, ok := w.Chunk(8, 10, make([]byte, 0, block)); ok {
			t.Error("a chunk that was never written")
		}
		size := d.active.size
		if c := w.Content(); c.Size() != 500_000 || c.Memory() < 200 {
			t.Errorf("size %d, memory %d", c.Size(), c.Memory())
		}
		if given := size - d.active.size; length < 0 && given == 0 {
			t.Error("what was reserved for nothing was not given back")
		}
		w.Close()
		w.Close()
	}
}

// The first time a full tier only remembers, and takes it the second time.
func TestAdmission(t *testing.T) {
	d := open(t, memory(t), 2<<20)
	defer d.Close()
	for n := range 10 {
		if !d.Admit(key(n)) {
			t.Errorf("%d was not admitted although there is room", n)
		}
	}
	for n := range 30 {
		store(d, n, 1, 100_000)
		d.tend1()
	}
	wonders, second := 0, 0
	for n := range 1000 {
		if d.Admit(key(100 + n)) {
			wonders++
		}
		if d.Admit(key(100 + n)) {
			second++
		}
	}
	if wonders > 5 || second != 1000 {
		t.Errorf("of 1000, %d were admitted at once and %d the second time", wonders, second)
	}
}

// Memory is what is said of it.
func TestEntryCost(t *testing.T) {
	if n := unsafe.Sizeof(entry{}); n > EntryCost-40 {
		t.Errorf("an entry has %d bytes", n)
	}
	x := newIndex()
	for n := range 100_000 {
		k := key(n)
		x.add(spot{key: half(k), segment: 1, first: 1 + uint32(n%10), size: 1})
	}
	// A slot of the map: 16 bytes and a byte of control, at a load between 7/16 and 7/8.
	if x.count != 100_000 || len(x.slabs) != 25 {
		t.Errorf("%d entries in %d slabs", x.count, len(x.slabs))
	}
	for n := range 10 {
		if got := x.drop(1 + uint32(n)); got != 10_000 {
			t.Errorf("%d entries went with segment %d", got, n)
		}
	}
	if x.count != 0 || len(x.keys) != 0 || len(x.lists) != 0 {
		t.Errorf("%d entries, %d keys, %d lists are left", x.count, len(x.keys), len(x.lists))
	}
}

// The files of another cache, another format, or nobody's are dropped.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	fsys := vfs.Dir(dir)
	d := open(t, fsys, 16<<20)
	store(d, 1, 1, 100)
	d.Close()
	os.WriteFile(dir+"/0000000f.seg", bytes.Repeat([]byte("x"), 200), 0o600)
	os.WriteFile(dir+"/00000010.seg", nil, 0o600)
	os.WriteFile(dir+"/000000aa.idx", nil, 0o600)
	d = open(t, fsys, 16<<20)
	if find(t, d, 1) != 1 {
		t.Error("its own is gone")
	}
	d.Close()
	names, _ := fsys.List()
	if len(names) != 2 {
		t.Errorf("files %v are left", names)
	}
	d, err := Open(Options{FS: fsys, ID: ID{2}, Size: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if find(t, d, 1) != 0 {
		t.Error("another cache's response was found")
	}
	d.Close()
	if names, _ = fsys.List(); len(names) != 0 {
		t.Errorf("files %v are left", names)
	}
}

// Options that make no tier are refused.
func TestOptions(t *testing.T) {
	f := func(o Options) {
		t.Helper()
		if _, err := Open(o); err != ErrOptions {
			t.Errorf("%+v: %v", o, err)
		}
	}
	f(Options{Size: 1 << 30})
	f(Options{FS: memory(t), Size: 1 << 20})
	f(Options{FS: memory(t), Size: 1 << 20, Segment: 1 << 20})
	f(Options{FS: memory(t), Size: 1 << 20, Segment: block})
}

// Opening and reading a large body again allocates nothing.
func TestAllocs(t *testing.T) {
	d := open(t, vfs.Dir(t.TempDir()), 16<<20)
	defer d.Close()
	store(d, 1, 1, 600_000)
	_, c, _ := d.Find(key(1), plain)
	n := testing.AllocsPerRun(100, func() {
		b, ok := c.Open()
		if !ok {
			t.Fatal("it cannot be opened")
		}
		if _, err := b.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
		b.Close()
	})
	if n > 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

func ExampleTier_Find() {
	dir, _ := os.MkdirTemp("", "disk")
	defer os.RemoveAll(dir)
	d, err := Open(Options{FS: vfs.Dir(dir), Size: 64 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	w := d.Create(5)
	w.Put([]byte("hello"))
	d.Commit(&Record{Key: Key{1}, Meta: []byte("200")}, w.Content())
	w.Close()

	r, c, _ := d.Find(Key{1}, func([]string) Key { return Key{} })
	b, _ := c.Open()
	defer b.Close()
	text, _ := io.ReadAll(b)
	fmt.Printf("%s %s\n", r.Meta, text)
	// Output: 200 hello
}

// A body of one block that was found right a short while ago is trusted when its
// response is found again, but nothing else is that stands where it stood.
func TestRightIsRemembered(t *testing.T) {
	d := open(t, vfs.Dir(t.TempDir()), 4<<20)
	defer d.Close()
	f := func(name string, want bool) *Content {
		t.Helper()
		_, c, ok := d.Find(key(1), plain)
		if !ok || c.trusted(0) != want {
			t.Errorf("%s: found %t, trusted %t, want %t", name, ok, !want, want)
		}
		return c
	}
	store(d, 1, 1, 20_000)
	unread := f("written", false)
	if find(t, d, 1) != 1 {
		t.Fatal("lost")
	}
	f("read", true)
	store(d, 1, 2, 20_000)
	f("another in its place", false)
	b, ok := unread.Open()
	if !ok {
		t.Fatal("what has been replaced can still be read")
	}
	b.Close()
	f("the one before was read", false)
	if find(t, d, 1) != 2 {
		t.Fatal("lost")
	}
	f("the other was read", true)
	d.trust = 0
	f("long ago", false)
	d.trust = trustTime
	store(d, 1, 3, 2*block)
	find(t, d, 1)
	f("of two blocks", false)
}
