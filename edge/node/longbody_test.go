package node_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// numbered is content of which every eight bytes say where they stand.
func numbered(off int64, p []byte) {
	for len(p) > 0 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], uint64(off&^7)*0x9e3779b97f4a7c15)
		n := copy(p, word[off&7:])
		off, p = off+int64(n), p[n:]
	}
}

// checked takes numbered content and notes the first byte that is wrong.
type checked struct {
	off, wrong int64
	want       []byte
}

func (c *checked) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		n := min(len(p), len(c.want))
		numbered(c.off, c.want[:n])
		if c.wrong < 0 && string(c.want[:n]) != string(p[:n]) {
			c.wrong = c.off
		}
		c.off += int64(n)
		p = p[n:]
	}
	return all, nil
}

// A body far above the node's memory streams to sixteen clients, some from its
// middle; the second time it comes from disk, and the origin is not asked.
func TestLongBodyFromDisk(t *testing.T) {
	size := int64(proof(64, 4096)) << 20
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=6000")
		w.Header().Set("Content-Length", fmt.Sprint(size))
		buf := make([]byte, 64<<10)
		for off := int64(0); off < size; off += int64(len(buf)) {
			numbered(off, buf)
			if _, err := w.Write(buf); err != nil {
				return
			}
		}
	})
	w := newWorldIn(t, t.TempDir(), nil, fmt.Sprintf("cache: {memory: 32MiB, disk: %dMiB}\norigins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop}]\n",
		max(64, 5*size/2>>20), u.url()), nil, "memory: 512MiB\ncache: {memory: 32MiB}\n", "memory: 200MiB\n")
	w.client.Timeout = 0
	ask := func(from int64, n int64) error {
		req, _ := http.NewRequest("GET", "http://shop.example/long", nil)
		if from > 0 || n < size {
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+n-1))
		}
		r, err := w.client.Do(req)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		c := &checked{off: from, wrong: -1, want: make([]byte, 64<<10)}
		got, err := io.Copy(writerOnly{c}, r.Body)
		if err != nil || got != n || c.wrong >= 0 {
			return fmt.Errorf("%d bytes from %d: status %d, %d bytes, wrong from %d: %v", n, from, r.StatusCode, got, c.wrong, err)
		}
		return nil
	}
	before := residentBytes(t)
	most := before
	for round := range 2 {
		var wg sync.WaitGroup
		for client := range 16 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(client), uint64(round)))
				if client%4 == 0 {
					if err := ask(0, size); err != nil {
						t.Error(err)
					}
					return
				}
				for range 4 { // seeks
					from := r.Int64N(size - 1)
					if err := ask(from, 1+r.Int64N(min(size-from, size/64))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		most = max(most, residentBytes(t))
		if n := u.requests.Load(); n != 1 {
			t.Errorf("round %d: the origin was asked %d times, want once", round, n)
		}
	}
	t.Logf("%d MiB, resident %d MiB before and %d MiB after", size>>20, before>>20, most>>20)
	if most-before > 200<<20 {
		t.Errorf("memory has grown by %d MiB", (most-before)>>20)
	}
	if s := w.stderr.String(); strings.Contains(s, "goes on without what failed") {
		t.Error(s)
	}
}

// writerOnly hides what a writer can do beside Write.
type writerOnly struct{ io.Writer }
