package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
)

func (w *world) status() (s admin.Status) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.did("GET", "/v1/status", nil).body), &s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// What is on disk is there after a restart, but not what was purged; without a
// disk nothing is left of it.
func TestCacheOutlivesRestart(t *testing.T) {
	u := newUpstream(t, "shop")
	long := strings.Repeat("0123456789abcdef", 40<<10)
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		if r.URL.Path == "/long" {
			fmt.Fprint(w, long)
			return
		}
		fmt.Fprint(w, r.URL.Path)
	})
	yaml := func(cache string) string {
		return fmt.Sprintf("cache: {memory: 16MiB%s}\norigins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop}]\n", cache, u.url())
	}
	const site = "http://shop.example"
	dir := t.TempDir()
	w := newWorldIn(t, dir, nil, yaml(", disk: 64MiB"), nil)
	for _, path := range []string{"/a", "/b"} {
		w.wantOutcome(site+path, 200, path, "; stored")
	}
	w.wantOutcome(site+"/long", 200, long, "; stored")
	w.wantOutcome(site+"/long", 200, long, "; hit")
	w.did("POST", "/v1/purge", []byte(`{"url": "http://shop.example/b"}`))
	if m := w.did("GET", "/metrics", nil).body; !strings.Contains(m, "\nwedge_cache_disk_bytes ") || strings.Contains(m, "\nwedge_cache_disk_bytes 0\n") {
		t.Errorf("no bytes on disk in the metrics")
	} else {
		for _, limit := range []string{"cache_index_limit_bytes", "cache_body_limit_bytes", "cache_hot_limit_bytes", "cache_disk_limit_bytes", "cache_disk_index_limit_bytes", "cache_disk_written_bytes_total"} {
			if v := w.metricAlone("wedge_" + limit); v <= 0 {
				t.Errorf("wedge_%s is %v", limit, v)
			}
		}
	}
	w.stop()

	asked := u.requests.Load()
	w = newWorldIn(t, dir, nil, yaml(", disk: 64MiB"), nil)
	// What is on disk only is shown as such, and not brought to memory by that.
	for range 2 {
		shown := w.did("POST", "/v1/cache/show", []byte(`{"url": "http://shop.example/a"}`)).body
		for _, want := range []string{`"outcome":"hit"`, `"place":"disk"`, `"rules":[{"name":"mode","value":"honour"}]`} {
			if !strings.Contains(strings.ReplaceAll(shown, `": `, `":`), want) {
				t.Errorf("of what is on disk is shown %s, without %s", shown, want)
			}
		}
	}
	if d := w.status().Cache.Disk; d == nil || d.Objects < 2 || d.Bytes < int64(len(long)) || d.Limit != 64<<20 || d.IndexLimit <= 0 || d.IndexBytes <= 0 || d.Faults != 0 {
		t.Errorf("the status says of the disk %+v", d)
	}
	// Of those who come at once one reads it.
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { w.wantOutcome(site+"/a", 200, "/a", "; hit") })
	}
	wg.Wait()
	if m := w.did("GET", "/metrics", nil).body; !strings.Contains(m, "\nwedge_events_total{event=\"cache_from_disk\"} 1\n") {
		t.Error("fifty requests for one response have read it from disk more than once")
	}
	w.wantOutcome(site+"/a", 200, "/a", "; hit")
	w.wantOutcome(site+"/long", 200, long, "; hit")
	w.want(site+"/long", 206, long[100:300_000], "Range", "bytes=100-299999")
	// One of the fifty, and the long ones, which stay on disk, come from there.
	for tier, want := range map[string]float64{"disk": 3, "memory": 50} {
		eventually(t, tier+" has served as often as it should", func() bool {
			return w.metric("wedge_cache_served_total", `site="shop.example"`, `outcome="hit"`, `tier="`+tier+`"`) == want
		})
	}
	if n := u.requests.Load(); n != asked {
		t.Errorf("the origin was asked %d times", n-asked)
	}
	w.wantOutcome(site+"/b", 200, "/b", "; stored")
	if !strings.Contains(w.stderr.String(), "the cache on disk is ready") {
		t.Error("the log says nothing of it")
	}
	w.stop()

	w = newWorldIn(t, dir, nil, yaml(""), nil)
	if _, err := os.Stat(w.path("data/cache")); err == nil {
		t.Error("the folder of a cache that is off is there")
	}
	if d := w.status().Cache.Disk; d != nil {
		t.Errorf("the status says of a disk that is off %+v", d)
	}
	w.wantOutcome(site+"/a", 200, "/a", "; stored")
}
