package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/counter"
	"github.com/wedgecdn/wedge/edge/device"
	"github.com/wedgecdn/wedge/edge/observe"
	"github.com/wedgecdn/wedge/edge/origin"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// guests is the door to functions, joined with what the node offers them.
func (n *Node) guests(c *config.Config) guest.Options {
	m := n.observer.Metrics
	return guest.Options{
		Engine: n.engine,
		Services: &services.Services{
			KV:       guestKV{n.kv},
			Cache:    guestCache{n.cache},
			Fetcher:  guestFetch{n.origins, n.pipeline, m},
			Origins:  n.o.Local.origins(guestOrigins{n}),
			Counters: n.o.Local.counters(counter.New(counter.Options{Now: n.o.Local.now()})),
			Log:      guestLog{n.observer.Functions, n.o.Local},
			Metrics:  guestMetrics{m},
			Devices:  n.o.Local.devices(),
			Places:   n.o.Local.places(guestPlaces{&n.places}),
			Caching:  guestCaching{},
		},
		Args: n.o.Local.args(), AnyHost: n.o.Local.anyHost(),
		// The other maxima stand in each Spec, as they may change with a reload.
		Limits:   limit.Limits{Memory: min(int64(c.Memory), int64(config.MaxMemory))},
		Original: n.original,
		Room:     n.room,
		Events: guest.Events{
			Called: func(f *guest.Function, call *exchange.Call, id exchange.ID, err error) {
				n.observer.Called(string(f.Owner()), f.Name(), f.Version(), id, call, err)
				n.o.Local.called(f, call, err)
				n.live.called(f, call)
			},
			Failed: func(r *guest.Report) {
				n.o.Local.failed(r)
				n.failed(r)
			},
			Made: func(_ *guest.Function, _ time.Duration, err error) {
				if err != nil {
					m.Event("function_instance_failed")
					return
				}
				m.Event("function_instance_made")
			},
			Opened: func(f *guest.Function, pause time.Duration, err error) {
				m.Event("function_circuit_opened")
				n.log.Error("no instances of a function can be made", "owner", f.Owner(), "function", f.Name(), "next attempt in", pause, "error", err)
			},
			Gone: func(_ *guest.Function, why sandbox.Reason) { m.Event("function_instance_" + string(why)) },
		},
	}
}

// failed tells the observer of a function's failure.
func (n *Node) failed(r *guest.Report) {
	f := observe.Failure{
		Last: time.Now(), Version: r.Version, During: r.During, Kind: string(r.Kind), Message: r.Message, LastHostCall: r.LastHostCall,
	}
	if r.Exchange != (exchange.ID{}) {
		f.Request = r.Exchange.String()
	}
	for _, l := range r.Budgets {
		f.Spent = append(f.Spent, observe.Spent{Budget: l.Budget.String(), Spent: l.Spent, Limit: l.Limit, Text: l.String()})
	}
	stack := func(f *observe.Failure) {
		f.Stack = nil
		for _, s := range r.Stack {
			f.Stack = append(f.Stack, observe.Frame{Function: s.Function, Offset: s.Offset, File: s.File, Line: s.Line, Column: s.Column})
		}
	}
	stack(&f)
	n.observer.Failed(string(r.Owner), r.Function, r.Key(), f, func(f *observe.Failure) {
		r.Locate()
		stack(f)
	})
}

// original returns the bytes of a version of a function, from where it was loaded.
func (n *Node) original(owner services.Owner, name, version string) ([]byte, error) {
	n.mu.Lock()
	c := n.config
	n.mu.Unlock()
	if c == nil {
		return nil, errors.New("the node has only begun to start")
	}
	if f := c.Function(config.Name(owner), config.Name(name)); f != nil && f.Module != "" {
		return os.ReadFile(f.Module) // it may be another one by now: whoever asks compares
	}
	return n.functions.Code(string(owner), name, version)
}

// guestFetch are the requests of functions' own.
type guestFetch struct {
	u *origin.Upstreams
	p *pipeline.Pipeline
	m *observe.Metrics
}

func (g guestFetch) Fetch(ctx context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
	g.m.Subrequest(string(r.Caller.Owner), r.Caller.Function)
	if r.UseCache {
		return g.cached(ctx, r)
	}
	q := &origin.Request{Owner: string(r.Caller.Owner), Origin: r.Origin, Target: r.Target, Method: r.Method, Body: r.Body, Stream: r.Stream, StreamLength: r.StreamLength, Loop: r.Loop}
	q.Header.CopyFrom(&r.Header)
	got, err := g.u.Fetch(ctx, q)
	if err != nil {
		return nil, fetchError(err)
	}
	return &services.FetchResponse{Status: got.Status, Header: got.Header, Body: got.Body}, nil
}

// cached sends a request through the node's cache.
func (g guestFetch) cached(ctx context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
	if r.Origin == "" {
		return nil, fmt.Errorf("%w: only what named origins answer is cached: give the host of %q an entry in origins", services.ErrNotAllowed, r.Target)
	}
	q := &pipeline.OwnRequest{Owner: string(r.Caller.Owner), Origin: r.Origin, Target: r.Target, Method: r.Method, Body: r.Body, Stream: r.Stream, StreamLength: r.StreamLength, Loop: r.Loop,
		Bypass: r.Cache.Bypass, TTL: r.Cache.TTL, Grace: r.Cache.Grace, Tags: r.Cache.Tags}
	q.Header.CopyFrom(&r.Header)
	got, err := g.p.Own(ctx, q)
	if err != nil {
		return nil, fetchError(err)
	}
	return &services.FetchResponse{Status: got.Status, Header: got.Header, Body: got.Body}, nil
}

// fetchError turns an error of an origin into one of the guests' vocabulary.
func fetchError(err error) error {
	switch exchange.ReasonOf(err, exchange.ReasonNone) {
	case exchange.ReasonOriginUnknown:
		return fmt.Errorf("%w: %w", services.ErrAbsent, err)
	case exchange.ReasonOriginTimeout:
		return fmt.Errorf("%w: %w", services.ErrTimeout, err)
	case exchange.ReasonOverload, exchange.ReasonLoop:
		return fmt.Errorf("%w: %w", services.ErrLimit, err)
	case exchange.ReasonBadTarget, exchange.ReasonBadRequest:
		return fmt.Errorf("%w: %w", services.ErrInvalid, err)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %w", services.ErrTimeout, err)
	}
	return err
}

// guestLog takes the lines that functions write.
type guestLog struct {
	logs  *observe.FunctionLogs
	local *Local
}

func (g guestLog) Log(l *services.Line) {
	g.local.log(l)
	line := observe.LogLine{Time: time.Now(), Level: l.Level.String(), Message: string(l.Message)}
	for _, f := range l.Fields {
		line.Message += " " + f.Name + "=" + f.Value
	}
	if l.Caller.Exchange != (exchange.ID{}) {
		line.Request = l.Caller.Exchange.String()
	}
	line.Version = l.Caller.Version[:min(len(l.Caller.Version), 12)]
	g.local.line(&line)
	g.logs.Add(string(l.Caller.Owner), l.Caller.Function, line)
}

// guestMetrics takes the numbers that functions count.
type guestMetrics struct{ m *observe.Metrics }

func (g guestMetrics) Add(owner services.Owner, function, name string, delta int64) {
	g.m.Count(string(owner), function, name, delta)
}

func (g guestMetrics) Observe(owner services.Owner, function, name string, value float64) {
	g.m.Observe(string(owner), function, name, value)
}

func (g guestMetrics) Set(owner services.Owner, function, name string, value float64) {
	g.m.Set(string(owner), function, name, value)
}

// guestDevices tells classes of devices.
type guestDevices struct{}

func (guestDevices) Device(userAgent string) string { return device.Class(userAgent) }
