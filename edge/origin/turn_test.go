package origin

import (
	"bytes"
	"io"
	"sort"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// TestSlowBodies: clients that never end their bodies leave connections to
// those who send none, and those who wait for them are told in time.
func TestSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Pool{Owner: "o", Name: "shop", Servers: servers(1), Settings: Settings{Connections: 4, FirstByteTimeout: 10 * time.Second}})
		defer w.close()
		w.serve["a.test:80"] = func(s *side) {
			for strings.HasPrefix(received(s), "GET") {
				s.say(ok)
			}
		}
		var mu sync.Mutex
		var got []string
		var clients []*io.PipeWriter
		var wg sync.WaitGroup
		slow := func() {
			r, c := io.Pipe()
			clients = append(clients, c)
			wg.Go(func() {
				x := with(request("PUT /"), r, 100)
				defer x.Release()
				s := w.outcome(t.Context(), x, true)
				mu.Lock()
				defer mu.Unlock()
				got = append(got, s)
			})
			synctest.Wait()
		}
		outcomes := func() string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			sort.Strings(got)
			return strings.Join(got, "; ")
		}
		for range 5 {
			slow()
		}
		w.wantDials("five bodies that do not come", 3)
		within(t, 0, func() { want(t, "a GET beside them", w.get(), `200 "ok", length 2`) })
		time.Sleep(9 * time.Second)
		want(t, "outcomes before the time is over", outcomes(), "")
		time.Sleep(2 * time.Second)
		want(t, "outcomes after it", outcomes(), "failed: origin overload; failed: origin overload")
		want(t, "a body that is there", w.outcomeOf(exchange.NewBytesBody([]byte("hello")), 5), "failed: origin origin-cut")
		for _, c := range clients {
			c.CloseWithError(io.ErrUnexpectedEOF)
		}
		wg.Wait()
		want(t, "all", outcomes(), strings.Repeat("failed: client client-gone; ", 3)+"failed: origin overload; failed: origin overload")
		// Every turn has been given back.
		for range 5 {
			want(t, "a body after them", w.outcomeOf(exchange.ReaderBody(io.NopCloser(bytes.NewReader([]byte("hello")))), 5), "failed: origin origin-cut")
		}
	})
}

func (w *world) outcomeOf(body exchange.Body, length int64) string {
	x := request("PUT /")
	defer x.Release()
	x.Request.Body, x.Request.ContentLength = body, length
	return w.outcome(w.t.Context(), x, true)
}
