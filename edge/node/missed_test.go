package node

import (
	"errors"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// What a shadow could not be run on is no failure of a canary, which may be of the same version.
func TestShadowMissesNothing(t *testing.T) {
	f := func(shadow bool, want int) {
		t.Helper()
		missed := 0
		l := &loaded{name: "f", shadow: shadow, ready: make(chan struct{}), bring: nil, err: errors.New("closed"), miss: func(*loaded) { missed++ }}
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
	f(false, 1)
	f(true, 0)
}
