package node_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
)

// killedNode makes this process a node that waits to be killed: the test below
// starts itself with this variable, which holds the file of the configuration.
// The other one, if it is set, lets it compare no checksums.
const killedNode, uncheckedNode = "WEDGE_TEST_NODE", "WEDGE_TEST_UNCHECKED"

// runKilled is the node. It returns if it could not start.
func runKilled(file string, unchecked bool) int {
	c, err := config.Load(file)
	if err == nil {
		var n *node.Node
		if n, err = node.New(c, node.Options{Version: "test", ConfigFile: file, Stderr: os.Stderr, UncheckedDisk: unchecked}); err == nil {
			if err = n.Start(); err == nil {
				fmt.Println(n.Addr())
				io.Copy(io.Discard, os.Stdin) // until the test is gone
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// A killed is a node in a process of its own.
type killed struct {
	t       *testing.T
	cmd     *exec.Cmd
	addr    string
	ready   time.Duration
	clients http.Client
}

func startKilled(t *testing.T, file string, env ...string) *killed {
	t.Helper()
	k := &killed{t: t, cmd: exec.Command(os.Args[0])}
	k.cmd.Env = append(append(os.Environ(), killedNode+"="+file), env...)
	if testing.Verbose() {
		k.cmd.Stderr = os.Stderr
	}
	stdin, err := k.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close() })
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the node did not start: %v", err)
	}
	k.addr, k.ready = strings.TrimSpace(line), time.Since(began)
	k.clients.Transport = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	return k
}

// kill ends the process as a power switch would, but for the system's memory.
func (k *killed) kill() {
	k.clients.CloseIdleConnections()
	k.cmd.Process.Kill()
	k.cmd.Wait()
}

// get is a response, its body, and whether it came from the cache.
func (k *killed) get(path string) (body string, hit bool, err error) {
	req, _ := http.NewRequest("GET", "http://"+k.addr+path, nil)
	req.Host = "shop.example"
	r, err := k.clients.Do(req)
	if err != nil {
		return "", false, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), strings.Contains(r.Header.Get("Cache-Status"), "; hit"), err
}

// killedBody is what the origin gives for a path: each line of it names the path
// and the version.
func killedBody(path string, version int64) string {
	n, _ := strconv.Atoi(path[strings.LastIndexByte(path, '-')+1:])
	line := fmt.Sprintf("%s version %d\n", path, version)
	return strings.Repeat(line, n/len(line)+1)
}

// A node that is killed while it is written to loses what was in flight, and
// nothing else: no byte is wrong, nothing is older than what has been served,
// and what was stored a second before is there.
func TestKilled(t *testing.T) {
	var version atomic.Int64
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=6000")
		io.WriteString(w, killedBody(r.URL.Path, version.Load()))
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "wedge.yaml")
	text := strings.Replace(heading, "{memory: 32MiB}", "{memory: 192MiB, disk: 16GiB}", 1)
	text += fmt.Sprintf("origins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop}]\n", u.url())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	type seen struct {
		version int64
		stored  time.Time
	}
	var mu sync.Mutex
	known := map[string]seen{}
	var paths []string
	right := func(path, body string) bool {
		var v int64
		_, of, _ := strings.Cut(body[:min(len(body), 100)], " version ")
		fmt.Sscan(of, &v)
		if body != killedBody(path, v) {
			t.Errorf("%s: a wrong byte in %d bytes: %.80q", path, len(body), body)
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		old, ok := known[path]
		if ok && v < old.version {
			t.Errorf("%s: version %d was served after version %d", path, v, old.version)
		}
		if !ok {
			paths = append(paths, path)
		}
		if !ok || v > old.version {
			known[path] = seen{v, time.Now()}
		}
		return true
	}

	var kept, lost int
	var slowest time.Duration
	var lastKill time.Time
	rounds := proof(2, 100)
	for round := range rounds {
		version.Add(1)
		k := startKilled(t, file)
		slowest = max(slowest, k.ready)
		// What earlier rounds stored, a sample of it.
		r := rand.New(rand.NewPCG(uint64(round), 5))
		mu.Lock()
		old := append([]string(nil), paths...)
		mu.Unlock()
		r.Shuffle(len(old), func(i, j int) { old[i], old[j] = old[j], old[i] })
		for _, path := range old[:min(len(old), 300)] {
			mu.Lock()
			long := lastKill.Sub(known[path].stored) > time.Second
			mu.Unlock()
			body, hit, err := k.get(path)
			if err != nil || !right(path, body) {
				t.Errorf("%s: %v", path, err)
				continue
			}
			switch {
			case hit && long:
				kept++
			case long:
				lost++
			}
		}
		// Load, until it is killed.
		var wg sync.WaitGroup
		end := time.Now().Add(time.Duration(1200+r.IntN(800)) * time.Millisecond)
		for g := range 4 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(g)))
				for n := 0; ; n++ {
					size := r.IntN(30_000)
					if r.IntN(30) == 0 {
						size = r.IntN(2 << 20)
					}
					path := fmt.Sprintf("/%d-%d-%d-%d", round, g, n/2, size)
					body, _, err := k.get(path)
					if err != nil {
						return // it is dead
					}
					right(path, body)
				}
			})
		}
		<-time.After(time.Until(end))
		lastKill = time.Now()
		k.kill()
		wg.Wait()
	}
	t.Logf("%d kills: of what was stored a second before one, %d are there and %d not; ready within %v; %d responses in all", rounds, kept, lost, slowest, len(paths))
	if kept == 0 || lost > (kept+lost)/20 {
		t.Errorf("%d of %d are lost", lost, kept+lost)
	}
}
