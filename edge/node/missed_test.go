package node

import (
	"errors"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An exchange that finds no instance because none can be made is a failure of a canary. One that found none in time is not: the node was busy. Nor is what
// a shadow could not be run on, which may be of the same version.
func TestMissed(t *testing.T) {
	f := func(shadow bool, why error, want int) {
		t.Helper()
		missed := 0
		l := &loaded{name: "f", shadow: shadow, ready: make(chan struct{}), bring: nil, err: why, miss: func(*loaded) { missed++ }}
		l.once.Do(func() {}) // it has been loaded, in vain
		close(l.ready)
		x := exchange.New()
		defer x.Release()
		if _, err := l.Start(x); err == nil {
			t.Error("it started")
		}
		if missed != want {
			t.Errorf("shadow %v: %d missed, want %d", shadow, missed, want)
		}
	}
	broken := errors.New("the module cannot be compiled")
	f(false, broken, 1)
	f(true, broken, 0)
	f(false, errCompiling, 0)
	f(false, &exchange.Error{Reason: exchange.ReasonNoInstance, Err: errors.New("no instance in time")}, 0)
	f(false, &exchange.Error{Reason: exchange.ReasonFunctionUnavailable, Err: errors.New("it trapped while it began")}, 1)
}
