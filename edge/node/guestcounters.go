package node

import (
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/edge/counter"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// guestCounters are the counters as functions see them.
type guestCounters struct{ c *counter.Counters }

func (g guestCounters) Add(owner services.Owner, key []byte, window time.Duration, delta int64) (int64, error) {
	n, err := g.c.Add(string(owner), key, window, delta)
	return n, counterError(err)
}

func (g guestCounters) Read(owner services.Owner, key []byte, window time.Duration) (int64, error) {
	n, err := g.c.Read(string(owner), key, window)
	return n, counterError(err)
}

func (g guestCounters) Penalise(owner services.Owner, key []byte, d time.Duration) error {
	return counterError(g.c.Penalise(string(owner), key, d))
}

func (g guestCounters) Penalty(owner services.Owner, key []byte) (time.Duration, error) {
	d, err := g.c.Penalty(string(owner), key)
	return d, counterError(err)
}

// counterError: whatever the counters refuse is what the caller passed.
func counterError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", services.ErrInvalid, err)
}
