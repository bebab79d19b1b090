package main

import (
	"context"
	"time"

	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// state is what host functions see of an exchange.
type state struct{ wasi wasi.State }

func (s *state) WASI() *wasi.State { return &s.wasi }

// limits are wider than the default: a slow machine should not end a benchmark.
var limits = limit.Limits{CPU: 10 * time.Second, Wall: time.Minute, Memory: 256 << 20}.Within(limit.Maximum())

// metered is a guest in Wedge's sandbox.
type metered struct {
	answers answers
	engine  *engine.Engine
	module  *engine.Module
	turns   *sandbox.Turns
	pools   []*sandbox.Pool
}

func newMetered(p program, turns *sandbox.Turns) (*metered, error) {
	dir, err := cacheDir("metered")
	if err != nil {
		return nil, err
	}
	m := &metered{turns: turns}
	funcs, err := hostFuncs(p.module, &m.answers)
	if err != nil {
		return nil, err
	}
	if m.engine, err = engine.New(engine.Options{Host: funcs, CacheDir: dir}); err != nil {
		return nil, err
	}
	m.module, err = m.engine.Compile(context.Background(), p.module)
	return m, err
}

func (m *metered) pool(o sandbox.Options) (*sandbox.Pool, error) {
	o.Module, o.Limits, o.Turns = m.module, limits, m.turns
	o.Outside = func() any { return &state{} }
	p, err := sandbox.NewPool(o)
	if err == nil {
		m.pools = append(m.pools, p)
	}
	return p, err
}

// exchanges returns what takes an instance, calls a job and gives it back.
func (m *metered) exchanges(j job, o sandbox.Options) (func() error, error) {
	pool, err := m.pool(o)
	if err != nil {
		return nil, err
	}
	ctx, s := context.Background(), &state{}
	var budget limit.Budget
	return func() error {
		i, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		budget.Reset(limits)
		i.Bind(s, &budget)
		_, err = i.Call(ctx, j.export, j.args...)
		pool.Release(i)
		return err
	}, nil
}

// caller returns what calls a job on an instance that is kept.
func (m *metered) caller(j job, once bool) (do func() error, before func(), err error) {
	pool, err := m.pool(sandbox.Options{Isolation: sandbox.PerInstance})
	if err != nil {
		return nil, nil, err
	}
	ctx, s := context.Background(), &state{}
	i, err := pool.Acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	if once {
		before = restorer(func() []byte {
			b, _ := i.Memory().View(0, i.Memory().Size())
			return b
		})
	}
	var budget limit.Budget
	return func() error {
		budget.Reset(limits)
		i.Bind(s, &budget)
		_, err := i.Call(ctx, j.export, j.args...)
		return err
	}, before, nil
}

// size is how much memory an instance begins with, in bytes.
func (m *metered) size() (int64, error) {
	pool, err := m.pool(sandbox.Options{})
	if err != nil {
		return 0, err
	}
	i, err := pool.Acquire(context.Background())
	if err != nil {
		return 0, err
	}
	defer pool.Release(i)
	return int64(i.Memory().Size()), nil
}
