package cache

import (
	"fmt"
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

// Many ask, the origin's content changes, and each change is purged: once a
// purge has been answered, no request that comes later gets anything older,
// whether stored, on its way, or confirmed by a 304.
func TestHammerPurge(t *testing.T) {
	w := newWorld(t, Options{})
	const paths = 6
	var version, purged [paths]atomic.Int64
	var hits, revalidated atomic.Int64
	index := func(path string) int { i, _ := strconv.Atoi(path[len("/page/"):]); return i }
	w.fetch = func(fx *exchange.Exchange) {
		i := index(fx.Request.Path)
		v := version[i].Load()
		runtime.Gosched() // the response is on its way
		etag := fmt.Sprintf(`"%d"`, v)
		fields := []string{"Cache-Control: max-age=600", "ETag: " + etag, "Surrogate-Key: page-" + strconv.Itoa(i)}
		if fx.Request.Header.Value(exchange.IfNoneMatch) == etag {
			revalidated.Add(1)
			fx.Response.Status = 304
			add(&fx.Response.Header, fields)
			return
		}
		respond(fx, 200, strconv.FormatInt(v, 10)+strings.Repeat(" ", 9000), fields...)
	}
	var wg sync.WaitGroup
	stop := time.Now().Add(150 * time.Millisecond)
	for g := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 31))
			for n := 0; n < 100 || time.Now().Before(stop); n++ { // however busy the machine is
				i := r.IntN(paths)
				least := purged[i].Load()
				x := get(fmt.Sprint("/page/", i))
				x.Choices.Revalidate = r.IntN(4) == 0
				how := w.serve(x)
				got, err := body(x)
				v, perr := strconv.ParseInt(strings.TrimSpace(got), 10, 64)
				if err != nil || perr != nil || len(strings.TrimLeft(got, "0123456789")) != 9000 {
					t.Errorf("%s: %d bytes, %v, %v", how, len(got), err, perr)
					return
				}
				if v < least {
					t.Errorf("%s (%s): version %d after a purge at %d", x.Request.Path, how, v, least)
					return
				}
				if how == "fresh" {
					hits.Add(1)
				}
				x.Release()
			}
		})
	}
	for g := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 32))
			for time.Now().Before(stop) {
				i := r.IntN(paths)
				p := PurgeRequest{Owner: "o"}
				switch r.IntN(6) {
				case 0:
					p.URL, p.Soft = fmt.Sprint("https://a.example/page/", i), true
				case 1:
					p.Tag = fmt.Sprint("page-", i)
				case 2:
					p.Prefix = fmt.Sprint("https://a.example/page/", i)
				case 3:
					p.All = true
				default:
					p.URL = fmt.Sprint("https://a.example/page/", i)
				}
				v := version[i].Add(1)
				w.c.Purge(p)
				for {
					old := purged[i].Load()
					if old >= v || purged[i].CompareAndSwap(old, v) {
						break
					}
				}
				for range 20 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	if hits.Load() == 0 || revalidated.Load() == 0 {
		t.Error("nothing was ever found, or confirmed")
	}
	t.Logf("%d hits, %d fetches, %d purges, %d confirmed", hits.Load(), w.asked.Load(), w.c.Stats().Purges, revalidated.Load())
	if st := w.c.Stats(); st.Fills != 0 || st.Reserved != 0 {
		t.Errorf("left behind: %+v", st)
	}
}

// However requests and the end of a fetch fall together, one fetch is made.
func TestHammerOneFetch(t *testing.T) {
	w := newWorld(t, Options{})
	w.answers(200, "x", "Cache-Control: max-age=600")
	stop := time.Now().Add(100 * time.Millisecond)
	rounds := int64(0)
	for ; time.Now().Before(stop); rounds++ {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				x := get(fmt.Sprint("/", rounds))
				w.serve(x)
				if got, err := body(x); got != "x" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				x.Release()
			})
		}
		wg.Wait()
	}
	if n := w.asked.Load(); n != rounds {
		t.Errorf("%d fetches for %d URLs", n, rounds)
	}
}
