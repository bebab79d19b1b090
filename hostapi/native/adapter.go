package native

import (
	"context"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// ABI is this contract as hostapi/guest sees it.
type ABI struct{}

// Name satisfies adapter.ABI.
func (ABI) Name() string { return abi.Module }

// Funcs satisfies adapter.ABI.
func (ABI) Funcs() []hostcall.Func { return Funcs() }

// Bind satisfies adapter.ABI.
func (ABI) Bind(s adapter.Settings) (adapter.Binding, error) {
	return bound{NewBinding(Options{
		Owner: s.Owner, Name: s.Name, Version: s.Version, Config: s.Config, Secrets: s.Secrets, Environ: s.Environ,
		Fetch: s.Fetch, KV: s.KV, AllKV: s.AllKV, MaxBody: s.MaxBody, Reads: s.Reads, Fixed: s.Fixed, World: s.World, Services: s.Services,
	}), s.Facts.Streams}, nil
}

// bound is a Binding that satisfies adapter.Binding.
type bound struct {
	*Binding
	streams bool
}

func (b bound) Outside() any { return NewSession(b.Binding) }

func (bound) Prepare(context.Context, adapter.Instance, any) error { return nil }

func (b bound) NewSession() adapter.Session {
	h := &hooks{Session: NewSession(b.Binding), streams: b.streams}
	h.guest = h.callGuest
	return h
}

func (bound) Close() {}

// hooks is a Session that calls its guest: each hook is an export of its name, () i32.
type hooks struct {
	*Session
	streams bool
	i       adapter.Instance
	guest   func() (int32, error) // callGuest, made once
}

func (h *hooks) Attach(x *exchange.Exchange, i adapter.Instance, _ *limit.Budget) {
	h.Session.Attach(x)
	h.i = i
}

func (h *hooks) Run(ended adapter.Ended) (int32, bool, error) {
	if h.streams && (h.hook == exchange.OnFetched || h.hook == exchange.OnResponse) {
		return h.Session.Run(h.guest, ended)
	}
	result, err := h.callGuest()
	return result, false, err
}

func (h *hooks) callGuest() (int32, error) {
	out, err := h.i.Call(context.Background(), h.hook.String())
	if err != nil {
		return 0, err
	}
	return int32(out[0]), nil
}

func (h *hooks) Finish() {}

func (h *hooks) Close() {
	h.Session.Close()
	h.i = nil
}
