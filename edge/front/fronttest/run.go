package fronttest

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Server is what a front calls.
type Server interface {
	Serve(x *exchange.Exchange)
	Refuse(x *exchange.Exchange, status int, reason exchange.Reason)
}

// A Front is a front under test that runs.
type Front struct {
	// Client speaks the front's protocol, over connections in memory.
	Client http.RoundTripper
	// Scheme of the URLs that reach it.
	Scheme string
	// Shutdown drains the front.
	Shutdown func(context.Context) error
	// Stop ends front and client at once.
	Stop func()
	// Upgrades tells that the protocol has Upgrade (RFC 9110 §7.8).
	Upgrades bool
}

// Limits of the front under test.
const (
	HeaderSize = 32 << 10
	BodySize   = 1 << 20
)

// Run runs the suite. start starts a front with the limits above; it is called
// once a test, inside a synctest bubble.
func Run(t *testing.T, start func(t *testing.T, s Server) *Front) {
	for _, test := range []struct {
		name string
		run  func(*harness)
	}{
		{"Request", testRequest},
		{"Echo", testEcho},
		{"ResponseFields", testResponseFields},
		{"StreamDown", testStreamDown},
		{"StreamUp", testStreamUp},
		{"FullDuplex", testFullDuplex},
		{"BackPressureDown", testBackPressureDown},
		{"BackPressureUp", testBackPressureUp},
		{"BodyFails", testBodyFails},
		{"BodyShort", testBodyShort},
		{"ClientLeavesDown", testClientLeavesDown},
		{"ClientLeavesUp", testClientLeavesUp},
		{"UnreadBody", testUnreadBody},
		{"TrailersUp", testTrailersUp},
		{"TrailersDown", testTrailersDown},
		{"NoContent", testNoContent},
		{"Interim", testInterim},
		{"Continue", testContinue},
		{"Upgrade", testUpgrade},
		{"LargeHeader", testLargeHeader},
		{"LargeBody", testLargeBody},
		{"Splitting", testSplitting},
		{"Panic", testPanic},
		{"Poison", testPoison},
		{"Drain", testDrain},
		{"Parallel", testParallel},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &harness{T: t, start: start}
				test.run(h)
				h.end()
			})
		})
	}
}

// A harness is one test's front, server and client.
type harness struct {
	*testing.T
	start    func(t *testing.T, s Server) *Front
	front    *Front
	recorder *Recorder
}

// serve starts the front with responses made by handle.
func (h *harness) serve(handle func(x *exchange.Exchange)) {
	h.recorder = NewRecorder(h.T, handle)
	h.front = h.start(h.T, h.recorder)
	synctest.Wait() // it listens
}

func (h *harness) end() {
	if h.front != nil {
		h.front.Stop()
		time.Sleep(time.Minute) // the bubble's: what sleeps in the background wakes up and ends
		synctest.Wait()
		h.recorder.Check()
	}
}
