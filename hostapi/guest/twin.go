package guest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// ErrNoTwin is why a function can have none: what it does depends on more than what passes through its services.
var ErrNoTwin = errors.New("only functions of Wedge's own ABI and http-wasm's can live in a world that is written down: others keep what they know in places that are not")

// Twinned tells whether the function can have twins.
func (f *Function) Twinned() bool {
	return !f.info.Handler && (f.abi.Name() == "wedge" || f.abi.Name() == "http-wasm")
}

// Twin is the function once more, with its module and settings, for one exchange at a time, in a world and with services of
// its own: to write down what it does, or to do it again. Its instance is made when it is first asked for one. The twin is
// closed before the function is.
func (f *Function) Twin(world *adapter.World, s *services.Services) (*Function, error) {
	if !f.Twinned() {
		return nil, fmt.Errorf("function %q speaks %s: %w", f.spec.Name, f.info.ABI, ErrNoTwin)
	}
	t := &Function{spec: f.spec, info: f.info, abi: f.abi, host: f.host, module: f.module, limits: f.limits, isolation: f.isolation, most: 1, twin: true}
	if err := t.bind(world, s); err != nil {
		return nil, err
	}
	o := t.poolOptions()
	o.Ready, o.Events = 0, sandbox.Events{}
	var err error
	if t.pool, err = sandbox.NewPool(o); err != nil {
		t.binding.Close()
		return nil, fmt.Errorf("function %q: %w", f.spec.Name, err)
	}
	return t, nil
}

// bind makes the binding.
func (f *Function) bind(world *adapter.World, s *services.Services) (err error) {
	spec := &f.spec
	var env []string
	for _, k := range slices.Sorted(maps.Keys(spec.Env)) {
		env = append(env, k+"="+spec.Env[k])
	}
	f.binding, err = f.abi.Bind(adapter.Settings{
		Facts: f.info.Facts, Owner: spec.Owner, Name: spec.Name, Version: spec.Version, Config: spec.Config, Secrets: spec.Secrets, Environ: env, Args: f.host.o.Args, AnyHost: f.host.o.AnyHost,
		Fetch: spec.Fetch, KV: spec.KV, AllKV: spec.AllKV, MaxBody: spec.MaxBody, Reads: spec.Reads, Fixed: spec.Fixed, World: world, Limits: f.limits, Services: s, Spawn: f.spawn,
	})
	if err != nil {
		return fmt.Errorf("function %q: %w", spec.Name, err)
	}
	f.runs.New = func() any { return f.newRun() }
	return nil
}

func (f *Function) poolOptions() sandbox.Options {
	h := f.host
	return sandbox.Options{
		Module: f.module, Limits: f.limits, Isolation: f.isolation, Most: f.most, Ready: ready, Wait: h.o.Wait, Turns: h.o.Turns, Room: h.o.Room,
		Outside: f.binding.Outside,
		Prepare: func(ctx context.Context, i *sandbox.Instance, outside any) error {
			return f.binding.Prepare(ctx, i, outside)
		},
		Events: f.events(),
	}
}

// Spec is what the operator said of the function, with the limits that hold. It holds secrets.
func (f *Function) Spec() Spec {
	s := f.spec
	s.Limits, s.Isolation = f.limits, &f.isolation
	return s
}
