package node_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Purges by tag, URL and prefix, soft ones too, while clients hit, miss and wait
// for fetches, the origin confirms with 304, and functions are deployed: what is
// asked for after a purge has been answered is never older than that purge.
func TestPurgeUnderLoad(t *testing.T) {
	const pages = 6
	var version, floor [pages]atomic.Int64 // of each page: what the origin has, and what the newest purge allows
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/p/"))
		v := version[n].Load()
		tag := fmt.Sprintf(`"%d-%d"`, n, v)
		h := w.Header()
		h.Set("Cache-Control", []string{"max-age=60", "max-age=0, stale-while-revalidate=0"}[n%2])
		h.Set("Cache-Tag", fmt.Sprint("page", n))
		h.Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(304)
			return
		}
		fmt.Fprintf(w, "page %d version %d", n, v)
	})
	w := newWorld(t, fmt.Sprintf(`
functions: [{name: f, on_failure: open, instances: 8}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [f]}]
`, u.url()), nil)
	w.deploy("f", tagged("first"))

	var over atomic.Bool
	var asked, hits atomic.Int64
	var clients sync.WaitGroup
	for c := range 6 {
		clients.Go(func() {
			for i := c; !over.Load(); i++ {
				n := i % pages
				want := floor[n].Load()
				r := w.get(fmt.Sprintf("http://shop.example/p/%d", n))
				asked.Add(1)
				if strings.Contains(r.header.Get("Cache-Status"), "; hit") {
					hits.Add(1)
				}
				var page int
				var v int64
				if _, err := fmt.Sscanf(r.body, "page %d version %d", &page, &v); err != nil || r.status != 200 || page != n {
					t.Errorf("page %d: %d %q (%v)", n, r.status, r.body, r.err)
					return
				}
				if v < want {
					t.Errorf("page %d is at version %d after a purge of version %d had been answered (%s)", n, v, want, r.header.Get("Cache-Status"))
					return
				}
			}
		})
	}
	purges := 0
	end := time.Now().Add(time.Duration(proof(1500, 30_000)) * time.Millisecond)
	// On a busy machine it goes on until enough has happened.
	late := end.Add(patience)
	for ; (time.Now().Before(end) || (purges < 20 || hits.Load() == 0) && time.Now().Before(late)) && !t.Failed(); purges++ {
		n := purges % pages
		v := version[n].Add(1)
		what := []string{
			fmt.Sprintf(`{"tag":"page%d"}`, n),
			fmt.Sprintf(`{"url":"http://shop.example/p/%d"}`, n),
			fmt.Sprintf(`{"prefix":"http://shop.example/p/%d"}`, n),
			fmt.Sprintf(`{"tag":"page%d","soft":true}`, n),
		}[purges/pages%4]
		w.did("POST", "/v1/purge", []byte(what))
		floor[n].Store(v)
		if purges%20 == 19 {
			w.deploy("f", tagged(fmt.Sprint("v", purges)))
		}
	}
	over.Store(true)
	clients.Wait()
	t.Logf("%d purges, %d requests, %d of them hits", purges, asked.Load(), hits.Load())
	if purges < 20 || hits.Load() == 0 {
		t.Error("too little happened")
	}
}
