package cost

import (
	"context"
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// empty are stores that hold nothing and keep nothing: each exchange meets the same.
type empty struct{}

func (empty) Open(services.Owner, string) (services.Store, error) { return empty{}, nil }

func (empty) Get(context.Context, []byte, *services.Entry) (bool, error) { return false, nil }

func (empty) Put(context.Context, []byte, []byte, services.PutOptions) (uint64, error) { return 1, nil }

func (empty) Delete(context.Context, []byte, uint64) (bool, error) { return false, nil }

func (empty) Add(_ context.Context, _ []byte, delta int64, _ time.Duration) (int64, error) {
	return delta, nil
}

func (empty) List(context.Context, []byte, string, int) (services.Page, error) {
	return services.Page{}, nil
}

// uncounted are counters whose windows hold what is added right now, and nothing before it.
type uncounted struct{}

func (uncounted) Add(_ services.Owner, _ []byte, _ time.Duration, delta int64) (int64, error) {
	return delta, nil
}

func (uncounted) Read(services.Owner, []byte, time.Duration) (int64, error) { return 0, nil }

func (uncounted) Penalise(services.Owner, []byte, time.Duration) error { return nil }

func (uncounted) Penalty(services.Owner, []byte) (time.Duration, error) { return 0, nil }
