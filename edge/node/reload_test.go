package node_test

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wedgecdn/wedge/edge/config"
)

// A load is clients that ask without a pause, each request told apart from all others.
type load struct {
	w       *world
	over    chan struct{}
	clients sync.WaitGroup
	asked   atomic.Int64
	seen    sync.Map // version → true
}

// begin starts clients; each answer is checked by right, which complains in words.
func begin(w *world, clients int, url string, right func(*load, reply) string) *load {
	l := &load{w: w, over: make(chan struct{})}
	for c := range clients {
		l.clients.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.over:
					return
				default:
				}
				r := w.get(fmt.Sprintf("%s?client=%d&i=%d", url, c, i/3))
				l.asked.Add(1)
				if r.err != nil || r.status != 200 {
					w.t.Errorf("a request failed: %d %q (%v), Cache-Status %q", r.status, r.body, r.err, r.header.Get("Cache-Status"))
				} else if wrong := right(l, r); wrong != "" {
					w.t.Error(wrong)
				}
			}
		})
	}
	return l
}

// more waits until n more requests have been answered: what was changed before is what they met.
func (l *load) more(n int64) {
	from := l.asked.Load()
	eventually(l.w.t, "requests are answered", func() bool { return l.asked.Load() >= from+n })
}

func (l *load) end() {
	close(l.over)
	l.clients.Wait()
}

// oneVersion wants a response that one version of the function made on its own, or none.
func oneVersion(l *load, r reply) string {
	a, b := r.header.Get("X-Request"), r.header.Get("X-Response")
	if a != b {
		return fmt.Sprintf("on_request was of version %q, on_response of %q", a, b)
	}
	l.seen.Store(a, true)
	return ""
}

// TestReloadUnderLoad: while the function and the configuration change all the time, no request fails, and each is served
// by one version of everything.
func TestReloadUnderLoad(t *testing.T) {
	u := newUpstream(t, "shop")
	yaml := fmt.Sprintf(`
functions: [{name: f, on_failure: open, instances: 4}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [f]}]
`, u.url())
	w := newWorld(t, yaml, nil)
	w.deploy("f", tagged("first"))
	other := strings.Replace(yaml, "hosts: [shop.example]", "hosts: [shop.example, other.example]", 1)
	l := begin(w, 2, "http://shop.example/", oneVersion)
	active := func() (version string, disabled bool) {
		var f struct {
			Active   string
			Disabled bool
		}
		if err := json.Unmarshal([]byte(w.did("GET", "/v1/functions/f", nil).body), &f); err != nil {
			t.Fatal(err)
		}
		return f.Active, f.Disabled
	}
	// wantNow: when the API has answered, the next request meets the change.
	wantNow := func(version string) {
		t.Helper()
		if r := w.want("http://shop.example/now", 200, ""); r.header.Get("X-Response") != version {
			t.Errorf("version %q answers, want %q", r.header.Get("X-Response"), version)
		}
	}
	for i := range proof(8, 150) {
		name := fmt.Sprint("v", i)
		w.deploy("f", tagged(name))
		wantNow(name)
		w.deploy("f", tagged(name+"b"))
		wantNow(name + "b")
		w.did("POST", "/v1/functions/f/rollback", nil)
		wantNow(name)
		w.did("POST", "/v1/functions/f/disable", nil)
		wantNow("")
		w.did("POST", "/v1/functions/f/enable", nil)
		wantNow(name)
		w.did("PUT", "/v1/config", []byte(heading+other))
		w.want("http://other.example/", 200, "")
		w.did("PUT", "/v1/config", []byte(heading+yaml))
		w.want("http://other.example/", 421, "")
		wantNow(name)
		l.more(10)
	}

	// What is wrong changes nothing: neither file nor function.
	before, _ := active()
	file, err := os.ReadFile(w.path("wedge.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"sites: [", strings.Replace(yaml, "origin: shop,", "origin: ship,", 1), strings.Replace(yaml, "name: f,", "name: f, module: none.wasm,", 1)} {
		if r := w.api("PUT", "/v1/config", []byte(heading+wrong)); r.status < 400 || r.status > 499 {
			t.Errorf("a wrong configuration: %d %s", r.status, r.body)
		}
	}
	if r := w.api("PUT", "/v1/functions/f", []byte("no module")); r.status != 422 {
		t.Errorf("a wrong module: %d %s", r.status, r.body)
	}
	if now, err := os.ReadFile(w.path("wedge.yaml")); err != nil || string(now) != string(file) {
		t.Errorf("the file has changed: %v\n%s", err, now)
	}
	if now, _ := active(); now != before {
		t.Errorf("version %s is active, want %s", now, before)
	}
	l.more(10)
	l.end()
	versions := 0
	l.seen.Range(func(any, any) bool { versions++; return true })
	t.Logf("%d requests met %d versions", l.asked.Load(), versions)
	if versions < 5 {
		t.Errorf("the requests met %d versions only: they were not under way while the function changed", versions)
	}
}

// A request that is under way when everything changes finishes on what it began with.
func TestReloadDuringRequest(t *testing.T) {
	u := newUpstream(t, "shop")
	asked, answer := make(chan struct{}), make(chan struct{})
	u.serve(slow(asked, answer))
	yaml := fmt.Sprintf(`
functions: [{name: f}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [f]}]
`, u.url())
	w := newWorld(t, yaml, nil)
	w.deploy("f", tagged("old"))
	got := make(chan reply, 1)
	go func() { got <- w.get("http://shop.example/") }()
	<-asked
	w.deploy("f", tagged("new"))
	w.did("PUT", "/v1/config", []byte(heading+strings.Replace(yaml, "hosts: [shop.example]", "hosts: [other.example]", 1)))
	w.did("POST", "/v1/functions/f/disable", nil)
	close(answer)
	if r := <-got; r.status != 200 || r.body != "slow" || r.header.Get("X-Request") != "old" || r.header.Get("X-Response") != "old" {
		t.Errorf("%d %q %v (%v)", r.status, r.body, r.header, r.err)
	}
}

// TestDeploysLeaveNothing: many versions, one after the other, leave neither goroutines nor memory behind.
func TestDeploysLeaveNothing(t *testing.T) {
	u := newUpstream(t, "shop")
	w := newWorld(t, fmt.Sprintf(`
functions: [{name: f, instances: 4}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [f]}]
`, u.url()), nil)
	n := 0
	deploys := func(count int) {
		for range count {
			name := fmt.Sprint("version-", n)
			n++
			w.deploy("f", tagged(name))
			if r := w.get("http://shop.example/"); r.header.Get("X-Response") != name {
				t.Fatalf("version %q answers, want %q", r.header.Get("X-Response"), name)
			}
		}
	}
	measure := func() (goroutines int, heap, resident int64) {
		runtime.GC()
		debug.FreeOSMemory() // what is resident now is in use
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), int64(m.HeapAlloc), residentBytes(t)
	}
	deploys(40) // as many versions as are kept, and some
	g0, h0, r0 := measure()
	count := proof(200, 1000)
	deploys(count)
	var g1 int
	var h1, r1 int64
	eventually(t, "old versions have gone", func() bool { g1, h1, r1 = measure(); return g1 <= g0+2 && h1-h0 < 1<<20 })
	t.Logf("%d deploys: goroutines %d → %d, heap %d → %d KiB, resident %d → %d KiB", count, g0, g1, h0>>10, h1>>10, r0>>10, r1>>10)
	if !raceDetector && r1-r0 > 8<<20 {
		t.Errorf("%d deploys left %d KiB resident", count, (r1-r0)>>10)
	}
}

// A file that is wrong is no reason to stop: Reload refuses it, and the node serves on.
func TestReloadRefused(t *testing.T) {
	u := newUpstream(t, "shop")
	yaml := fmt.Sprintf(`
functions: [{name: f, module: f.wasm}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, functions: [f]}]
`, u.url())
	w := newWorld(t, yaml, map[string][]byte{"f.wasm": tagged("one")})
	reload := func() error {
		c, err := config.Load(w.path("wedge.yaml"))
		if err == nil {
			_, err = w.node.Reload(c)
		}
		return err
	}
	f := func(module []byte, refused, version string) {
		t.Helper()
		w.write("f.wasm", module)
		err := reload()
		if refused == "" && err != nil || refused != "" && (err == nil || !strings.Contains(err.Error(), refused)) {
			t.Errorf("reload: %v, want %q", err, refused)
		}
		if r := w.want("http://shop.example/", 200, ""); r.header.Get("X-Response") != version {
			t.Errorf("version %q answers, want %q", r.header.Get("X-Response"), version)
		}
	}
	f(tagged("two"), "", "two")
	f([]byte("\x00asm"), "function", "two")
	f(stillborn(false), "initialised", "two")
	f(tagged("three"), "", "three")
	if r := w.api("PUT", "/v1/functions/f", tagged("four")); r.status != 409 || !strings.Contains(r.body, "module:") {
		t.Errorf("deploy to a function of the file: %d %s", r.status, r.body)
	}
}
