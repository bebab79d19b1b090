package guest

import (
	"context"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// spawn makes an instance beside the pool's, for what a guest does on its own account.
func (f *Function) spawn(ctx context.Context, state any) (adapter.Instance, func(), error) {
	pool, err := sandbox.NewPool(sandbox.Options{
		Module: f.module, Limits: f.limits, Isolation: sandbox.PerInstance, Most: 1, Wait: f.host.o.Wait, Turns: f.host.o.Turns, Room: f.host.o.Room,
		Outside: func() any { return state },
		Prepare: func(ctx context.Context, i *sandbox.Instance, outside any) error {
			return f.binding.Prepare(ctx, i, outside)
		},
	})
	if err != nil {
		return nil, nil, err
	}
	i, err := pool.Acquire(ctx)
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	s := &spawned{Instance: i, state: state}
	return s, func() {
		pool.Release(i)
		pool.Close()
	}, nil
}

// spawned is an instance each of whose calls has a full budget. Calls nest.
type spawned struct {
	*sandbox.Instance
	state any
	depth int
}

// Call satisfies adapter.Instance.
func (s *spawned) Call(ctx context.Context, export string, args ...uint64) ([]uint64, error) {
	if s.depth == 0 {
		s.Bind(s.state, nil)
	}
	s.depth++
	defer func() { s.depth-- }()
	return s.Instance.Call(ctx, export, args...)
}
