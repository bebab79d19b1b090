package pipeline

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// slowPeer writes nothing before it is let go.
type slowPeer struct {
	let chan struct{}
	got []int
}

func (*slowPeer) Gone() <-chan struct{} { return nil }
func (p *slowPeer) Interim(status int, h *exchange.Header) error {
	<-p.let
	p.got = append(p.got, status)
	return nil
}

// A client that reads slowly does not hold up the fetch, gets everything that
// came before its response, and nothing after it.
func TestInterim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &slowPeer{let: make(chan struct{})}
		i := newInterim(p)
		for range 2 + maxHints {
			i.Interim(103, nil) // comes back although nobody reads
		}
		closed := make(chan struct{})
		go func() { i.close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("close did not wait for the client")
		default:
		}
		close(p.let)
		<-closed
		if n := len(p.got); n < maxHints || n > maxHints+1 {
			t.Errorf("%d responses were written", n)
		}
		n := len(p.got)
		i.Interim(103, nil)
		synctest.Wait()
		if len(p.got) != n {
			t.Error("one was written after close")
		}
	})
}

// Both ways of fetching remove what belongs to the origin's connection.
func TestInterimIsCleaned(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin([]string{"/a", "hint"}, "200\n.\nhello")
		for _, m := range []string{"GET", "POST"} {
			var b strings.Builder
			w.request(&b, []string{m, "/a"}, "")
			if !strings.Contains(b.String(), "interim: 103 [Link: </a.css>; rel=preload]\n") {
				t.Errorf("%s: the client was told\n%s", m, b.String())
			}
		}
	})
}
