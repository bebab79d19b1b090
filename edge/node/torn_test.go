package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// diskNode writes the configuration of a node with a cache on disk in front of u.
func diskNode(t *testing.T, u *upstream) (file, cache string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "wedge.yaml")
	text := strings.Replace(heading, "{memory: 32MiB}", "{memory: 192MiB, disk: 16GiB}", 1)
	text += fmt.Sprintf("origins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop}]\n", u.url())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, filepath.Join(dir, "data", "cache")
}

// A power cut that kill -9 is not: the system's memory is lost as well, and of
// what has not been synced each page may be on the disk or not. tear does that
// to the segments: a page is as it was written, or empty, or holds what stood
// elsewhere on the disk, or has one bit of it wrong; the newest file may have
// lost its end. Nothing has been synced of a segment, so any page may go. Where a
// region's header goes, nothing behind it is found again: in the older half only
// pages go that are inside of bodies, so that a good part is left to be served.
func tear(t *testing.T, r *rand.Rand, cache string) (torn int) {
	t.Helper()
	const page = 4 << 10
	names, err := filepath.Glob(filepath.Join(cache, "*.seg"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no segments: %v", err)
	}
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		whole := bytes.Clone(b)
		for off := page; off+page <= len(b); off += page {
			p := b[off : off+page]
			const rate = 200
			kind := r.IntN(rate)
			if off < len(b)/2 {
				if kind = r.IntN(rate / 4); bytes.ContainsFunc(p, func(c rune) bool { return c < ' ' && c != '\n' || c > '~' }) {
					kind = rate
				}
			}
			switch kind {
			case 0:
				clear(p)
			case 1:
				copy(p, whole[r.IntN(len(b)/page)*page:])
			case 2:
				p[r.IntN(page)] ^= 1 << r.IntN(8)
			default:
				continue
			}
			torn++
		}
		if i == len(names)-1 {
			b = b[:len(b)-r.IntN(min(len(b)/8, 1<<20))]
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return torn
}

// Whatever a power cut leaves of the cache on disk, no wrong byte of it is
// served; and with checksums switched off wrong bytes are found, in the same way.
func TestTornDisk(t *testing.T) {
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=6000")
		io.WriteString(w, killedBody(r.URL.Path, 1))
	})
	f := func(round int, unchecked bool) (wrong int) {
		t.Helper()
		var env []string
		if unchecked {
			env = append(env, uncheckedNode+"=1")
		}
		file, cache := diskNode(t, u)
		r := rand.New(rand.NewPCG(uint64(round), 11))
		k := startKilled(t, file, env...)
		var mu sync.Mutex
		var paths []string
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(g)))
				for n := 0; ; n++ {
					size := r.IntN(30_000)
					if r.IntN(15) == 0 {
						size = 100_000 + r.IntN(3<<20)
					}
					path := fmt.Sprintf("/%d-%d-%d-%d", round, g, n, size)
					if body, _, err := k.get(path); err != nil {
						return // it is dead
					} else if body != killedBody(path, 1) {
						t.Errorf("%s: a wrong byte before anything was torn", path)
					}
					mu.Lock()
					paths = append(paths, path)
					mu.Unlock()
				}
			})
		}
		<-time.After(time.Duration(600+r.IntN(400)) * time.Millisecond)
		k.kill()
		wg.Wait()
		torn := tear(t, r, cache)
		if torn == 0 {
			t.Fatal("nothing was torn")
		}
		k = startKilled(t, file, env...)
		defer k.kill()
		var hits, missed, cut int
		r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		for _, path := range paths[:min(len(paths), 1500)] {
			body, hit, err := k.get(path)
			want := killedBody(path, 1)
			switch {
			case errors.Is(err, io.ErrUnexpectedEOF) && len(body) < len(want) && body == want[:len(body)]:
				cut++ // and the client sees it
			case err != nil && !unchecked:
				t.Errorf("%s: %v", path, err)
			case err != nil || body != want:
				if wrong++; !unchecked {
					t.Errorf("%s: a wrong byte in %d bytes", path, len(body))
				}
			case hit:
				hits++
			default:
				missed++
			}
		}
		t.Logf("unchecked %t: %d pages torn; of %d responses %d are there, %d not, %d were cut visibly, %d are wrong", unchecked, torn, len(paths), hits, missed, cut, wrong)
		if hits == 0 || missed == 0 && !unchecked {
			t.Errorf("%d hits and %d misses: the disk was not what answered, or nothing of it was torn", hits, missed)
		}
		return wrong
	}
	var wrong int
	for round := range proof(1, 20) {
		f(round, false)
		wrong += f(round, true)
	}
	if wrong == 0 {
		t.Error("without checksums no wrong byte was found: this test sees nothing")
	}
}

// A node with many responses on disk is ready soon, after an orderly end as
// after a kill. The long form has 100 000 and holds the time.
func TestReadyNode(t *testing.T) {
	n, limit := proof(1500, 100_000), time.Minute
	if n == 100_000 {
		limit = 2 * time.Second
	}
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=6000")
		io.WriteString(w, killedBody(r.URL.Path, 1))
	})
	file, cache := diskNode(t, u)
	path := func(i int) string { return fmt.Sprintf("/%d-%d", i, 2000+i%4000) }
	k := startKilled(t, file)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := g; i < n; i += 8 {
				if _, _, err := k.get(path(i)); err != nil {
					t.Errorf("%s: %v", path(i), err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, how := range []string{"after a kill", "without lists"} {
		k.kill()
		if how == "without lists" {
			names, _ := filepath.Glob(filepath.Join(cache, "*.idx"))
			for _, name := range names {
				os.Remove(name)
			}
		}
		k = startKilled(t, file)
		t.Logf("%s: a node with %d responses on disk is ready within %v", how, n, k.ready)
		if k.ready > limit {
			t.Errorf("%s: ready within %v, at most %v are allowed", how, k.ready, limit)
		}
		var there int
		for i := 0; i < n; i += max(1, n/500) {
			body, hit, err := k.get(path(i))
			if err != nil || body != killedBody(path(i), 1) {
				t.Errorf("%s: %v, a body of %d bytes", path(i), err, len(body))
			}
			if hit {
				there++
			}
		}
		if there < 475 { // the newest may not have been on their way to disk
			t.Errorf("%s: of 500 responses only %d are there", how, there)
		}
	}
	k.kill()
}
