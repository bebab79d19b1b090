package cache

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A patterned body says at each offset whose it is: "/name:offset|", over and
// over, so that a byte of another object or another place shows itself.
type patterned struct {
	name      string
	off, size int64
}

// at fills p with the bytes from off on.
func at(name string, off int64, p []byte) {
	cell := int64(len(name) + 1 + 9 + 1)
	var room [64]byte
	for len(p) > 0 {
		start := off / cell * cell
		s := strconv.AppendInt(append(append(room[:0], name...), ':'), 1e8+start, 10)
		n := copy(p, append(s, '|')[off-start:])
		p, off = p[n:], off+int64(n)
	}
}

func (b *patterned) Read(p []byte) (int, error) {
	if b.off == b.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), b.size-b.off)]
	at(b.name, b.off, p)
	b.off += int64(len(p))
	return len(p), nil
}

func (b *patterned) Close() error { return nil }

// A checker is a writer that knows what must come.
type checker struct {
	name  string
	off   int64
	limit int64 // fails the write there, as a client that leaves; -1 for never
	wrong string
	buf   []byte
}

func (c *checker) Write(p []byte) (int, error) {
	if cap(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	want := c.buf[:len(p)]
	at(c.name, c.off, want)
	if c.wrong == "" && string(want) != string(p) {
		c.wrong = fmt.Sprintf("wrong bytes in %d to %d", c.off, c.off+int64(len(p)))
	}
	c.off += int64(len(p))
	if c.limit >= 0 && c.off > c.limit {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// A cache of 16 MiB, objects from 1 byte to 8 MiB, several clients, some of whom
// leave: no byte is ever wrong, no body ends early without an error, and the
// cache stays within its bounds.
func TestPressure(t *testing.T) {
	var evicted, lost atomic.Int64
	w := newWorld(t, Options{Memory: 16 << 20, ObjectSize: 8 << 20, Events: Events{
		Evicted:   func(age time.Duration) { evicted.Add(1) },
		LostChunk: func() { lost.Add(1) },
	}})
	w.fetch = func(fx *exchange.Exchange) {
		name := fx.Request.Path
		size, _ := strconv.ParseInt(name[strings.LastIndexByte(name, '/')+1:], 10, 64)
		respond(fx, 200, "", "Cache-Control: max-age=60")
		fx.Response.ContentLength, fx.Response.Body = size, exchange.ReaderBody(&patterned{name: name, size: size})
		if size%3 == 0 {
			fx.Response.ContentLength = -1
		}
	}
	var wg sync.WaitGroup
	var hits, whole, cut, most atomic.Int64
	// Until there has been pressure, for a second at least and a minute at most.
	start := time.Now()
	enough := func() bool {
		d := time.Since(start)
		return d > time.Minute || d > time.Second && hits.Load() > 0 && evicted.Load() > 0 && whole.Load() > 200
	}
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 21))
			for n := 0; !enough(); n++ {
				i := r.IntN(300)
				if r.IntN(2) == 0 {
					i = r.IntN(20) // some are asked for more often
				}
				s := rand.New(rand.NewPCG(uint64(i), 22))
				size := 1 + s.Int64N(1<<(1+s.IntN(18)))
				switch {
				case i == 299:
					size = 8 << 20
				case i > 290:
					size = 1 << 20
				}
				x := get(fmt.Sprintf("/%d/%d", i, size))
				how := w.serve(x)
				c := &checker{name: x.Request.Path, limit: -1}
				if r.IntN(10) == 0 {
					c.limit = r.Int64N(size)
				}
				_, err := x.Response.Body.WriteTo(c)
				x.Response.Body.Close()
				switch {
				case c.wrong != "":
					t.Errorf("%s (%s): %s", x.Request.Path, how, c.wrong)
				case err == nil && c.off != size:
					t.Errorf("%s (%s): ends at %d without an error", x.Request.Path, how, c.off)
				case err == nil:
					whole.Add(1)
				case c.limit < 0:
					cut.Add(1)
				}
				if how == "fresh" {
					hits.Add(1)
				}
				x.Release()
				if n%50 == 0 {
					if st := w.c.Stats(); st.Store.IndexBytes > st.Store.IndexLimit || st.Reserved > 2<<20 {
						t.Errorf("out of bounds: %+v", st)
					}
					most.Store(max(most.Load(), w.c.Stats().Store.IndexBytes))
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d whole (%d hits), %d cut, %d objects evicted, %d lost; index at most %d bytes; %+v", whole.Load(), hits.Load(), cut.Load(), evicted.Load(), lost.Load(), most.Load(), w.c.Stats())
	if hits.Load() == 0 || evicted.Load() == 0 || lost.Load() > whole.Load()/50 || cut.Load() > whole.Load()/20 {
		t.Error("there was no pressure, or too much")
	}
}

// A flood of URLs that are asked for once stays within the index's bound, and
// what the index takes for an object beside its head is at most 512 bytes.
func TestIndexIsBounded(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine fills the cache: it has nothing to race with, and takes ten times as long")
	}
	w := newWorld(t, Options{Memory: 16 << 20})
	w.answers(200, "x", "Cache-Control: max-age=60", "Content-Type: text/html; charset=utf-8", `ETag: "0123456789abcdef"`)
	head := 0
	for i := range 20_000 {
		x := get(fmt.Sprintf("/a/path/of/usual/length/%08d", i))
		w.serve(x)
		body(x)
		x.Release()
	}
	if f := w.c.Lookup(get("/a/path/of/usual/length/00019999"), w.r); f.State == Fresh {
		head = f.object.Head.Size()
		f.Close()
	}
	st := w.c.Stats().Store
	if st.IndexBytes > st.IndexLimit || st.Objects == 0 || st.Objects == 20_000 {
		t.Fatalf("%+v", st)
	}
	each := st.IndexBytes / int64(st.Objects)
	t.Logf("%d bytes an object, %d of them its head", each, head)
	if each-int64(head) > 512 {
		t.Errorf("an object takes %d bytes beside its head of %d", each-int64(head), head)
	}
}

// The cache takes what it was given and not more, whatever is asked of it.
func TestMemoryStaysWithinTheBudget(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine fills the cache: it has nothing to race with, and takes ten times as long")
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // a sync.Pool, as that of exchanges, outlives one
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	f := func(what string, requests, size int, purge bool) {
		t.Helper()
		const budget = 16 << 20
		before := heap()
		w := newWorld(t, Options{Memory: budget})
		w.answers(200, strings.Repeat("x", size), "Cache-Control: max-age=60", "Content-Type: text/html; charset=utf-8", "Vary: Accept-Language")
		for i := range requests {
			x := get(fmt.Sprintf("/%s/%d", what, i), "Accept-Language: de")
			w.serve(x)
			body(x)
			x.Release()
			if purge {
				w.purge(PurgeRequest{URL: fmt.Sprintf("https://a.example/%s/%d", what, i), Soft: i%2 == 0})
				w.purge(PurgeRequest{Prefix: fmt.Sprintf("https://a.example/%s/%d", what, i)})
				w.purge(PurgeRequest{Tag: strconv.Itoa(i)})
			}
		}
		used := heap() - before
		t.Logf("%s: %d bytes of %d", what, used, budget)
		if used > budget {
			t.Errorf("%s: the cache takes %d bytes, it was given %d", what, used, budget)
		}
		runtime.KeepAlive(w)
	}
	f("tiny", 15_000, 1, false)
	f("usual", 15_000, 2000, false)
	f("large", 200, 300_000, false)
	f("purged", 5_000, 100, true)
}
