package node

import (
	"encoding/binary"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/journal"
)

// Fetches that begin when their clients have been answered are left out: they would take the room of exchanges that come to an end.
func TestRecordingBehindClients(t *testing.T) {
	r := &recording{owner: "acme", most: 10, done: make(chan ready, mostReady), open: map[exchange.ID]*recorded{}}
	n := uint64(0)
	client := func() *exchange.Exchange {
		x := exchange.New()
		t.Cleanup(x.Release)
		n++
		binary.BigEndian.PutUint64(x.ID[:], n)
		x.Owner, x.Request.Method, x.Request.Path = "acme", "GET", "/"
		return x
	}
	fetch := func(x *exchange.Exchange) *recorded {
		f := x.ForFetch()
		defer f.Release()
		o := r.enter(f)
		if o != nil {
			r.leave(f.ID, o)
		}
		return o
	}
	for range 2 * mostOpen {
		x := client()
		r.ended(x) // a stale response
		if fetch(x) != nil {
			t.Fatal("a refresh is written down, and nothing ends it")
		}
	}
	x := client()
	if fetch(x) == nil {
		t.Fatal("a fetch whose client waits is not written down")
	}
	r.ended(x)
	if len(r.done) != 1 || len(r.open) != 0 {
		t.Errorf("%d exchanges are done and %d open, want one done", len(r.done), len(r.open))
	}
}

// What waits to be written is bounded by its size, and one record that is larger than that comes through alone.
func TestRecordingHoldsSomeBytes(t *testing.T) {
	r := &recording{owner: "acme", most: 1000, done: make(chan ready, mostReady), open: map[exchange.ID]*recorded{}}
	n := uint64(0)
	f := func(size, waiting int) {
		t.Helper()
		x := exchange.New()
		defer x.Release()
		n++
		binary.BigEndian.PutUint64(x.ID[:], n)
		x.Owner, x.Request.Method, x.Request.Path = "acme", "GET", "/"
		o := r.enter(x)
		o.x.Runs = []*journal.Run{{Steps: []*journal.Step{{Before: journal.State{Request: journal.Message{Body: &journal.Body{Data: journal.Text(make([]byte, size))}}}}}}}
		r.ended(x)
		r.leave(x.ID, o)
		if len(r.done) != waiting || r.taken != waiting {
			t.Errorf("%d wait, %d are taken, want %d", len(r.done), r.taken, waiting)
		}
	}
	f(mostHeld*2, 1)
	f(1, 1)
	r.written(<-r.done)
	r.taken = 0
	f(mostHeld/2, 1)
	f(mostHeld/4, 2)
	f(mostHeld/4, 2)
	f(mostHeld/8, 3)
	for len(r.done) > 0 {
		r.written(<-r.done)
	}
	if r.held != 0 {
		t.Errorf("%d bytes are held by nothing", r.held)
	}
}
