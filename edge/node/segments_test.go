package node_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

// numberedFile is numbered content as a file.
type numberedFile struct{ off, size int64 }

func (f *numberedFile) Read(p []byte) (int, error) {
	if f.off >= f.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), f.size-f.off)
	numbered(f.off, p[:n])
	f.off += n
	return int(n), nil
}

func (f *numberedFile) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += f.off
	case io.SeekEnd:
		off += f.size
	}
	f.off = off
	return off, nil
}

// A long body is fetched by segments, each once, for many clients with seeks: from
// disk, after a restart too, and out of a memory that cannot hold all of it.
func TestSegments(t *testing.T) {
	const size, segment = 6<<20 + 12_345, 256 << 10
	const segments = size/segment + 1
	var sent, asked atomic.Int64
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=6000")
		w.Header().Set("ETag", `"long"`)
		w.Header().Set("Content-Type", "video/mp4")
		counted := countedWriter{w, &sent}
		http.ServeContent(counted, r, "", time.Time{}, &numberedFile{size: size})
	})
	f := func(cache string, restarts bool) {
		t.Helper()
		sent.Store(0)
		asked.Store(0)
		dir := t.TempDir()
		yaml := fmt.Sprintf("cache: {%s}\norigins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop, cache: {segment: 256KiB}}]\n", cache, u.url())
		w := newWorldIn(t, dir, nil, yaml, nil)
		ask := func(from, n int64) {
			req, _ := http.NewRequest("GET", "http://shop.example/long", nil)
			if from > 0 || n < size {
				req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+n-1))
			}
			r, err := w.client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			c := &checked{off: from, wrong: -1, want: make([]byte, 64<<10)}
			got, err := io.Copy(writerOnly{c}, r.Body)
			if err != nil || got != n || c.wrong >= 0 {
				t.Errorf("%d bytes from %d: status %d, %d bytes, wrong from %d: %v", n, from, r.StatusCode, got, c.wrong, err)
			}
		}
		round := func() {
			var wg sync.WaitGroup
			clients := 8
			if raceDetector {
				clients = 3
			}
			for g := range clients {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(g), 3))
					if g == 0 {
						ask(0, size)
					}
					for range 6 {
						from := r.Int64N(size)
						ask(from, 1+r.Int64N(min(size-from, 3*segment)))
					}
				})
			}
			wg.Wait()
		}
		ask(5*segment+17, 100)
		if n := sent.Load(); n > 2*segment {
			t.Errorf("%s: for a hundred bytes the origin has sent %d", cache, n)
		}
		round()
		eventually(t, "segments are counted as what they are", func() bool {
			n := w.metric("wedge_cache_served_total", `tier="segments"`)
			return n > 0 && n == w.metric("wedge_cache_served_total")
		})
		if !restarts {
			return
		}
		// The head's first fetch may bring one segment twice.
		if n, bytes := asked.Load(), sent.Load(); n > segments+1 || bytes > size+segment {
			t.Errorf("%s: the origin was asked %d times for %d bytes; there are %d segments of %d bytes in all", cache, n, bytes, segments, size)
		}
		before := asked.Load()
		round()
		if n := asked.Load() - before; n != 0 {
			t.Errorf("%s: the second round asked the origin %d times", cache, n)
		}
		w.stop()
		w = newWorldIn(t, dir, nil, yaml, nil)
		round()
		if n := asked.Load() - before; n > 8 { // only for the head; those who came at once share its fetch
			t.Errorf("%s: after a restart the origin was asked %d times", cache, n)
		}
	}
	f("memory: 32MiB, disk: 256MiB", true)
	f("memory: 8MiB", false) // segments go as they come
}

// countedWriter counts the bytes of the body.
type countedWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w countedWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.n.Add(int64(n))
	return n, err
}

// Where a function sees responses before they are stored, the rules say that segment has no effect, and whose doing it is.
func TestSegmentWithoutEffectIsShown(t *testing.T) {
	u := newUpstream(t, "shop")
	yaml := fmt.Sprintf("origins: [{name: shop, servers: [{url: %q}]}]\nfunctions: [{name: f}]\nsites: [{hosts: [shop.example], origin: shop, cache: {segment: 256KiB}, functions: [f]}]\n", u.url())
	w := newWorldIn(t, t.TempDir(), nil, yaml, nil)
	f := func(want string) {
		t.Helper()
		var s admin.Shown
		if err := json.Unmarshal([]byte(w.did("POST", "/v1/cache/show", []byte(`{"url": "http://shop.example/a"}`)).body), &s); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(s.Rules, admin.Field{Name: "segment", Value: want}) {
			t.Errorf("the rules are %+v, and segment should be %q", s.Rules, want)
		}
	}
	f("256KiB")
	w.deploy("f", marks("one"))
	f("no effect: function f sees responses before they are stored (on_fetched)")
}
