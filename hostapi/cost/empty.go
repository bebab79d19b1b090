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
