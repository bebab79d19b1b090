package node_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A thousand clients of a cold key make one request at the origin, and each has
// the first byte before the origin has sent the last: the origin sends the
// second half only when all of them have read of the first.
func TestColdKeyOfAThousandClients(t *testing.T) {
	const clients, half = 1000, 64 << 10
	var requests atomic.Int64
	allBegun := make(chan struct{})
	first, second := bytes.Repeat([]byte("1"), half), bytes.Repeat([]byte("2"), half)
	up := newUpstream(t, "main")
	up.serve(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Length", fmt.Sprint(2*half))
		w.Write(first)
		w.(http.Flusher).Flush()
		select {
		case <-allBegun:
		case <-r.Context().Done():
		}
		w.Write(second)
	})
	w := newWorld(t, fmt.Sprintf(`
origins: [{name: main, servers: [{url: %q}]}]
sites: [{hosts: [cold.example], origin: main}]
`, up.url()), nil)
	client := &http.Client{
		Timeout: 60 * time.Second,
		Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, w.node.Addr())
		}},
	}
	var begun, group sync.WaitGroup
	begun.Add(clients)
	var failed atomic.Int64
	for range clients {
		group.Go(func() {
			err := func() error {
				var told sync.Once
				defer told.Do(begun.Done) // whoever fails must not keep the others waiting
				r, err := client.Get("http://cold.example/big")
				if err != nil {
					return err
				}
				defer r.Body.Close()
				var b [2 * half]byte
				if _, err := io.ReadFull(r.Body, b[:1]); err != nil {
					return fmt.Errorf("first byte: %w", err)
				}
				told.Do(begun.Done)
				if _, err := io.ReadFull(r.Body, b[1:]); err != nil {
					return err
				}
				if !bytes.Equal(b[:half], first) || !bytes.Equal(b[half:], second) {
					return fmt.Errorf("the body is another")
				}
				return nil
			}()
			if err != nil && failed.Add(1) <= 3 {
				t.Error(err)
			}
		})
	}
	begun.Wait()
	close(allBegun)
	group.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d clients failed", n, clients)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("the origin saw %d requests, want 1", n)
	}
	w.wantOutcome("http://cold.example/big", 200, string(first)+string(second), "hit")
}
