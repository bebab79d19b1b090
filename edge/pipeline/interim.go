package pipeline

import (
	"strings"
	"sync"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// interim passes the origin's interim responses on to the client whose request
// caused the fetch. Others who wait for the same fetch do not get them: those
// are hints, and come again with each request that reaches the origin.
//
// "A proxy MUST forward 1xx responses unless the proxy itself requested the
// generation of the 1xx response."
// https://www.rfc-editor.org/rfc/rfc9110#section-15.2
//
// The fetch hands them over and goes on; a goroutine writes them to the client,
// so that one who reads slowly holds up nobody else.
//
// States: open, and closed once the client's side goes on. INVARIANT: while it
// is open the client's goroutine waits and touches neither peer nor exchange;
// close returns when nothing will be written any more.
type interim struct {
	peer exchange.Peer

	mu      sync.Mutex
	waiting []hint
	writing bool
	closed  bool
	idle    sync.Cond // writing has become false
}

type hint struct {
	status int
	header exchange.Header
}

// passing passes interim responses on while the client's goroutine fetches.
type passing struct{ exchange.Peer }

func (p passing) Interim(status int, h *exchange.Header) error {
	removeHopByHop(h, false)
	return p.Peer.Interim(status, h)
}

// maxHints is how many interim responses wait to be written; more are dropped.
const maxHints = 16

func newInterim(p exchange.Peer) *interim {
	i := &interim{peer: p}
	i.idle.L = &i.mu
	return i
}

// Gone is nil: a fetch goes on without its client.
func (i *interim) Gone() <-chan struct{} { return nil }

// Interim takes an interim response; its strings may change afterwards.
func (i *interim) Interim(status int, h *exchange.Header) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || len(i.waiting) == maxHints {
		return nil
	}
	n := hint{status: status}
	if h != nil {
		for f := range h.All() {
			n.header.Add(strings.Clone(f.Name), strings.Clone(f.Value))
		}
		removeHopByHop(&n.header, false)
	}
	i.waiting = append(i.waiting, n)
	if !i.writing {
		i.writing = true
		go i.write()
	}
	return nil
}

func (i *interim) write() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for len(i.waiting) > 0 {
		n := i.waiting[0]
		i.waiting = i.waiting[1:]
		i.mu.Unlock()
		i.peer.Interim(n.status, &n.header) // a client that has left shows at the final response
		i.mu.Lock()
	}
	i.writing = false
	i.idle.Broadcast()
}

// close ends the forwarding, after what has come so far.
func (i *interim) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	for i.writing {
		i.idle.Wait()
	}
}
