package cache

import (
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wedgecdn/wedge/edge/cache/disk/faultfs"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// diskWorld is a world with a disk, which restart opens again.
type diskWorld struct {
	*world
	fsys *faultfs.FS
	o    Options
	from atomic.Int64 // responses that came from disk
}

func newDiskWorld(t testing.TB, o Options) *diskWorld {
	d := &diskWorld{fsys: faultfs.New(1), o: o}
	if d.o.Memory == 0 {
		d.o.Memory = 16 << 20
	}
	if d.o.Disk.Size == 0 {
		d.o.Disk.Size = 64 << 20
	}
	d.o.Disk.FS = d.fsys
	d.o.Events.FromDisk = func() { d.from.Add(1) }
	d.world = newWorld(t, d.o)
	t.Cleanup(func() { d.c.Close() })
	return d
}

func (d *diskWorld) restart() {
	d.t.Helper()
	d.c.Close()
	d.open()
}

// kill lets another process find what this one has written by now.
func (d *diskWorld) kill() {
	d.t.Helper()
	left := d.fsys.Clone()
	d.c.Close()
	d.fsys, d.o.Disk.FS = left, left
	d.open()
}

func (d *diskWorld) open() {
	c, err := New(d.o)
	if err != nil {
		d.t.Fatal(err)
	}
	d.c = c
}

// settle waits until what is queued has been copied.
func (d *diskWorld) settle() {
	t := d.c.tier
	close(t.over)
	t.done.Wait()
	t.over = make(chan struct{})
	t.done.Go(t.copyAll)
}

func long(n int) string { return strings.Repeat("0123456789abcdef", n/16) }

// Short and long responses, with and without an announced length, are there
// after a restart, and nobody asks the origin.
func TestRestart(t *testing.T) {
	d := newDiskWorld(t, Options{})
	f := func(path string, size int, known bool) {
		t.Helper()
		body := long(size)
		d.fetch = func(fx *exchange.Exchange) {
			respond(fx, 200, body, "Cache-Control: max-age=60", "X-Size: "+fmt.Sprint(size))
			if !known {
				fx.Response.ContentLength = -1
			}
		}
		d.wantServe(path, "fetched", body)
		d.wantServe(path, "fresh", body)
	}
	sizes := []int{0, 16, 100 << 10, inKernel, inKernel + 16, 3 << 20}
	for i, size := range sizes {
		f(fmt.Sprint("/known", i), size, true)
		f(fmt.Sprint("/unknown", i), size, false)
	}
	asked := d.asked.Load()
	d.restart()
	for i, size := range sizes {
		for _, path := range []string{"/known", "/unknown"} {
			x := d.wantServe(fmt.Sprint(path, i), "fresh", long(size))
			if v := x.Response.Header.Value(exchange.Other); v == "" && x.Response.Status != 200 {
				t.Errorf("status %d", x.Response.Status)
			}
			d.wantServe(fmt.Sprint(path, i), "fresh", long(size))
		}
	}
	if d.asked.Load() != asked || d.from.Load() != int64(2*len(sizes)) {
		t.Errorf("the origin was asked %d times, the disk gave %d of %d", d.asked.Load()-asked, d.from.Load(), 2*len(sizes))
	}
}

// Memory that is too small for everything, and a disk that is not.
func TestSpill(t *testing.T) {
	d := newDiskWorld(t, Options{Memory: 4 << 20})
	d.answers(200, long(20_000), "Cache-Control: max-age=60")
	const n = 200
	for i := range n {
		d.wantServe(fmt.Sprint("/", i), "fetched", long(20_000))
		d.settle()
	}
	d.settle()
	asked := d.asked.Load()
	for i := range n {
		_, err := body(d.get(fmt.Sprint("/", i)))
		if err != nil {
			t.Error(err)
		}
	}
	if again := d.asked.Load() - asked; again > n/50 {
		t.Errorf("the origin was asked again for %d of %d", again, n)
	}
	if d.from.Load() < n/4 {
		t.Errorf("only %d came from disk", d.from.Load())
	}
}

// What is found on disk follows to memory when it is asked for again so soon that
// memory would have kept it, and what is short at once; a round of more than
// memory holds brings nothing there that pushes out what is.
func TestReturnToMemory(t *testing.T) {
	d := newDiskWorld(t, Options{Memory: 8 << 20})
	const n, size = 200, 40_000
	get := func(path string, size int) {
		t.Helper()
		d.answers(200, long(size), "Cache-Control: max-age=60")
		if s, err := body(d.get(path)); err != nil || s != long(size) {
			t.Fatalf("%s: %d bytes, %v", path, len(s), err)
		}
	}
	for i := range n {
		get(fmt.Sprint("/", i), size)
		d.settle()
	}
	get("/short", atOnce-16)
	d.settle()
	d.restart()
	asked := d.asked.Load()
	f := func(name string, want int64) {
		t.Helper()
		if got := d.c.Stats().Store.BodyBytes; got < want || got > want+want/20 {
			t.Errorf("%s: %d bytes of bodies are in memory, want %d", name, got, want)
		}
	}
	for range 4 {
		for i := range n {
			get(fmt.Sprint("/", i), size)
		}
	}
	f("rounds of everything", 0)
	get("/short", atOnce-16)
	f("a short one", atOnce-16)
	get("/7", size)
	f("another, after a round", atOnce-16)
	get("/7", size)
	get("/7", size)
	f("the other again", atOnce-16+size)
	for i := range n {
		get(fmt.Sprint("/", i), size)
	}
	f("one more round", atOnce-16+size)
	if again := d.asked.Load() - asked; again != 0 {
		t.Errorf("the origin was asked for %d", again)
	}
}

// What stands on disk and has expired is confirmed once, also if it would go to
// memory by the next use.
func TestConfirmedOnDisk(t *testing.T) {
	f := func(size int) {
		t.Helper()
		d := newDiskWorld(t, Options{})
		d.fetch = func(fx *exchange.Exchange) {
			if !fx.Request.Header.Has(exchange.IfNoneMatch) {
				respond(fx, 200, long(size), "Cache-Control: max-age=60", `ETag: "a"`, "Age: 100")
				return
			}
			fx.Response.Status = 304
			add(&fx.Response.Header, []string{"Cache-Control: max-age=60", `ETag: "a"`})
		}
		get := func(state State, why exchange.Reason, asked int64) {
			t.Helper()
			d.wantLookup("/", state, why)
			if s, err := body(d.get("/")); err != nil || len(s) != size || d.asked.Load() != asked {
				t.Errorf("of %d bytes: %d, %v; the origin was asked %d times, want %d", size, len(s), err, d.asked.Load(), asked)
			}
		}
		get(Absent, exchange.ReasonAbsent, 1)
		d.settle()
		d.restart()
		get(Stale, exchange.ReasonExpired, 2)
		get(Fresh, exchange.ReasonNone, 2)
		get(Fresh, exchange.ReasonNone, 2)
	}
	f(atOnce - 16)
	f(40_000)
	f(inKernel)
}

// Bodies that were asked for twice and never again do not keep others from
// following to memory.
func TestReturnAfterManyThatDidNot(t *testing.T) {
	d := newDiskWorld(t, Options{})
	const size = 40_000
	d.answers(200, long(size), "Cache-Control: max-age=60")
	d.wantServe("/", "fetched", long(size))
	d.settle()
	d.restart()
	for i := range mostRising {
		d.c.tier.rising[store.Key{byte(i), byte(i >> 8), 1}] = struct{}{}
	}
	for range 4 {
		d.wantServe("/", "fresh", long(size))
	}
	if got := d.c.Stats().Store.BodyBytes; got < size {
		t.Errorf("%d bytes of bodies are in memory, want %d", got, size)
	}
	if n := len(d.c.tier.rising); n >= mostRising {
		t.Errorf("%d keys are to rise, at most %d may", n, mostRising)
	}
}

// So does a segment that is short, as the last one of a response may be.
func TestReturnOfSegment(t *testing.T) {
	d := newDiskWorld(t, Options{})
	const size = 40_000
	d.answers(200, long(size), "Cache-Control: max-age=60")
	k := store.Key(d.wantServe("/", "fetched", long(size)).Cache.Key)
	d.settle()
	d.restart()
	for range 4 {
		b, ok := d.c.openSegment(k, size)
		if !ok {
			t.Fatal("lost")
		}
		b.Close()
	}
	if got := d.c.Stats().Store.BodyBytes; got < size {
		t.Errorf("%d bytes of bodies are in memory, want %d", got, size)
	}
}

func (w *world) get(path string) *exchange.Exchange {
	x := get(path)
	w.serve(x)
	return x
}

// A body above the memory's bound is stored on disk; ranges of it read what they need.
func TestLongBody(t *testing.T) {
	d := newDiskWorld(t, Options{Memory: 4 << 20})
	const size = 20 << 20
	b := make([]byte, size)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	d.answers(200, string(b), "Cache-Control: max-age=60")
	if s, err := body(d.get("/long")); err != nil || s != string(b) {
		t.Fatalf("%d bytes, %v", len(s), err)
	}
	for range 20 {
		x := get("/long")
		if how := d.serve(x); how != "fresh" {
			t.Fatal(how)
		}
		from, n := r.Int64N(size), r.Int64N(1<<20)
		part := x.Response.Body.(storedBody)
		part.Skip(from)
		part.Limit(n)
		got, err := io.ReadAll(part)
		part.Close()
		if err != nil || string(got) != string(b[from:min(from+n, size)]) {
			t.Errorf("%d bytes at %d: %d, %v", n, from, len(got), err)
		}
	}
	if s := d.c.Stats(); s.Disk.Objects != 1 || s.Disk.Bytes < size {
		t.Errorf("%+v", s.Disk)
	}
}

// The origin confirms what stands on disk, and says that it must not be kept any more.
func TestConfirmOnDisk(t *testing.T) {
	for _, size := range []int{100, 300 << 10} {
		d := newDiskWorld(t, Options{})
		fields := []string{"Cache-Control: max-age=0, s-maxage=0", `ETag: "1"`}
		d.fetch = func(fx *exchange.Exchange) {
			if fx.Request.Header.Has(exchange.IfNoneMatch) {
				fx.Response.Status = 304
				add(&fx.Response.Header, fields)
				return
			}
			respond(fx, 200, long(size), fields...)
		}
		d.wantServe("/a", "fetched", long(size))
		fields = []string{"Cache-Control: max-age=100", `ETag: "1"`}
		d.restart()
		d.wantServe("/a", "fetched", long(size)) // confirmed
		d.wantServe("/a", "fresh", long(size))
		d.restart()
		d.wantServe("/a", "fresh", long(size))
		if n := d.asked.Load(); n != 2 {
			t.Errorf("%d bytes: the origin was asked %d times, want 2", size, n)
		}
		fields = []string{"Cache-Control: no-store", `ETag: "1"`}
		d.serve(get("/a", "Cache-Control: no-cache"))
		d.kill()
		d.answers(200, "new")
		d.wantServe("/a", "released", "new")
	}
}

// Variants are found on disk by the request's own fields.
func TestVaryOnDisk(t *testing.T) {
	d := newDiskWorld(t, Options{})
	d.fetch = func(fx *exchange.Exchange) {
		respond(fx, 200, "in "+fx.Request.Header.Value(exchange.AcceptLanguage), "Cache-Control: max-age=60", "Vary: Accept-Language")
	}
	for _, lang := range []string{"de", "en"} {
		d.wantServe("/a", "fetched", "in "+lang, "Accept-Language: "+lang)
	}
	d.restart()
	for _, lang := range []string{"de", "en"} {
		d.wantServe("/a", "fresh", "in "+lang, "Accept-Language: "+lang)
	}
	d.wantServe("/a", "fetched", "in fr", "Accept-Language: fr")
	if n := d.asked.Load(); n != 3 {
		t.Errorf("the origin was asked %d times, want 3", n)
	}
}

// What was answered to a purge is true after a power cut; if the disk does not
// take it, the answer is an error, and the purge in force all the same.
func TestPurgeOutlivesPowerCut(t *testing.T) {
	d := newDiskWorld(t, Options{})
	d.answers(200, "old", "Cache-Control: max-age=60", "Surrogate-Key: red")
	f := func(path string, p PurgeRequest) {
		t.Helper()
		d.answers(200, "old", "Cache-Control: max-age=60", "Surrogate-Key: red")
		d.wantServe(path, "fetched", "old")
		d.settle()
		d.purge(p)
		left := d.fsys.Clone()
		left.Crash()
		d.c.Close()
		d.fsys, d.o.Disk.FS = left, left
		d.open()
		d.answers(200, "new", "Cache-Control: max-age=60")
		d.wantServe(path, "fetched", "new")
	}
	f("/url", PurgeRequest{URL: "https://a.example/url"})
	f("/tag", PurgeRequest{Tag: "red"})
	f("/prefix/x", PurgeRequest{Prefix: "https://a.example/prefix"})
	f("/all", PurgeRequest{All: true})
	f("/soft", PurgeRequest{URL: "https://a.example/soft", Soft: true})

	d.answers(200, "old", "Cache-Control: max-age=60")
	d.wantServe("/b", "fetched", "old")
	d.fsys.Set(faultfs.Faults{WriteError: 1})
	if _, err := d.c.Purge(PurgeRequest{Owner: "o", All: true}); err == nil || !strings.Contains(err.Error(), "will not outlive a restart") {
		t.Errorf("a purge that could not be written down: %v", err)
	}
	d.fsys.Set(faultfs.Faults{})
	d.answers(200, "new")
	d.wantServe("/b", "released", "new")
}

// Whatever the disk does: a response is one that the origin gave, and no older
// than the newest that its path was stored with in this process.
func TestFaultyDisk(t *testing.T) {
	kinds := map[string]faultfs.Faults{
		"flips": {BitFlip: 0.05}, "reads": {ReadError: 0.05}, "writes": {WriteError: 0.05}, "torn": {TornWrite: 0.05},
		"full": {Full: true, Room: 1 << 20}, "anything": {BitFlip: 0.02, ReadError: 0.02, WriteError: 0.02, TornWrite: 0.02, SyncError: 0.2},
	}
	for name, faults := range kinds {
		d := newDiskWorld(t, Options{Memory: 4 << 20, Disk: Disk{Size: leastDisk}})
		r := rand.New(rand.NewPCG(1, 9))
		version := map[string]int{}
		text := func(path string, version int) string {
			s := fmt.Sprintf("%s, version %d\n", path, version)
			if path[1] == 'l' {
				return strings.Repeat(s, (200<<10)/len(s))
			}
			return strings.Repeat(s, 100)
		}
		d.fetch = func(fx *exchange.Exchange) {
			path := fx.Request.Path
			respond(fx, 200, text(path, version[path]), "Cache-Control: max-age=60")
		}
		hits := 0
		for i := range 150 {
			path := "/" + []string{"s", "l"}[r.IntN(2)] + fmt.Sprint(r.IntN(20))
			if r.IntN(20) == 0 {
				version[path]++
				d.fsys.Set(faultfs.Faults{}) // a purge that could be written down
				d.purge(PurgeRequest{URL: "https://a.example" + path})
			}
			d.fsys.Set(faults)
			x := get(path)
			how := d.serve(x)
			got, err := body(x)
			if want := text(path, version[path]); err == nil && got != want || err != nil && !strings.HasPrefix(want, got) {
				t.Fatalf("%s, request %d, %s: %s: %.60q (%d bytes), %v; want %.60q", name, i, path, how, got, len(got), err, want)
			}
			if how == "fresh" {
				hits++
			}
			switch r.IntN(40) {
			case 0:
				d.fsys.Set(faultfs.Faults{})
				d.restart()
			case 1:
				d.fsys.Set(faultfs.Faults{})
				d.kill()
			case 2:
				d.settle()
			}
		}
		if hits < 30 {
			t.Errorf("%s: only %d hits", name, hits)
		}
		d.fsys.Set(faultfs.Faults{})
	}
}

// What the disk keeps of a response is all of it, whatever fields facts get.
func TestRecord(t *testing.T) {
	d := newDiskWorld(t, Options{})
	var h exchange.Header
	h.Add("ETag", `"x"`)
	h.Add("X-Other", "y")
	o := &store.Object[kept]{Key: store.Key{1}, Variant: store.Key{2}, Born: 7, Head: store.Pack(404, &h)}
	facts := reflect.ValueOf(&o.Meta.facts).Elem()
	for i := range facts.NumField() {
		switch f := facts.Field(i); {
		case f.CanInt():
			f.SetInt(int64(i) + 100)
		case f.CanUint():
			f.SetUint(uint64(i) + 1)
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		default:
			t.Fatalf("facts have a %v, which the disk does not keep", f.Type())
		}
	}
	o.Meta.mark.Set(d.c.tags.Owner("o"), 7, "https://a.example/", "https://a.example/made")
	o.Meta.mark.SetTags(func(yield func(string) bool) { yield("red") }, nil)
	r := record(o, []string{"accept"})
	got, ok := d.c.unpack(r)
	if !ok || got.Key != o.Key || got.Variant != o.Variant || got.Born != 7 || got.Meta.facts != o.Meta.facts || got.Head != o.Head || got.Meta.mark.Born() != 7 {
		t.Errorf("%+v became %+v, %t", o, got, ok)
	}
	d.c.tags.Advance(7)
	if got.Meta.mark.State() != tag.Current {
		t.Error("it was purged by nobody")
	}
	d.purge(PurgeRequest{Tag: "red"})
	if got.Meta.mark.State() != tag.Gone {
		t.Error("its tag is lost")
	}
	for n := range r.Meta {
		cut := *r
		cut.Meta = r.Meta[:n]
		if _, ok := d.c.unpack(&cut); ok && n < len(r.Meta)-len(o.Head.Append(nil)) {
			t.Errorf("%d of %d bytes are a response", n, len(r.Meta))
		}
	}
}

// A head from disk that is no head is not believed.
func FuzzHead(f *testing.F) {
	var h exchange.Header
	h.Add("ETag", `"x"`)
	h.Add("X-Other", "y")
	p := store.Pack(200, &h)
	f.Add(p.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := store.ParseHead(200, b)
		if !ok {
			return
		}
		var h exchange.Header
		p.Unpack(&h)
		again := store.Pack(200, &h)
		var h2 exchange.Header
		again.Unpack(&h2)
		if h.Len() != h2.Len() {
			t.Errorf("%x: %d fields became %d", b, h.Len(), h2.Len())
		}
	})
}

// Options that make no cache on disk are refused with words.
func TestDiskOptions(t *testing.T) {
	f := func(d Disk, want string) {
		t.Helper()
		if _, err := New(Options{Memory: 16 << 20, Disk: d}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	f(Disk{Size: 1}, "too little")
	f(Disk{Size: 1 << 30}, "needs a folder")
	f(Disk{Size: 1 << 30, Folder: "/nonexistent"}, "no such file")
}

// A hit on a long body that stands on disk allocates nothing.
func TestDiskHitAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector sync.Pool drops what it is given")
	}
	c, err := New(Options{Memory: 16 << 20, Disk: Disk{Size: 64 << 20, Folder: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := &world{t: t, c: c, r: &Rules{Owner: "o", Site: "s", Collapse: true}}
	w.answers(200, long(512<<10), "Cache-Control: max-age=60")
	w.wantServe("/a", "fetched", long(512<<10))
	x := get("/a")
	if n := testing.AllocsPerRun(100, func() {
		f := c.Lookup(x, w.r)
		if f.State != Fresh {
			t.Fatal(f.State)
		}
		f.Serve(x)
		x.Response.Body.WriteTo(io.Discard)
		x.Response.Body.Close()
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if s := c.Stats(); s.Disk.Objects != 1 {
		t.Errorf("%+v", s.Disk)
	}
}
