package main

import (
	"context"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/runtime/engine"
	asm "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// handler is what a plug-in written in Go would be.
type handler interface {
	Serve(x *exchange.Exchange) (answered bool, err error)
}

type emptyHandler struct{}

func (emptyHandler) Serve(*exchange.Exchange) (bool, error) { return false, nil }

// hooks returns an empty handler in Go, and an empty hook of a guest that speaks Wedge's own ABI, under an isolation.
func hooks(turns *sandbox.Turns) (goHandler *cell, hook func(sandbox.Isolation) (*cell, error), err error) {
	m := &asm.Module{}
	m.Memory(1, 0)
	m.Func("on_request", "", "i", "", asm.I32(0)...)
	m.Func("wedge_abi_v1", "", "", "")

	e, err := engine.New(engine.Options{Host: guest.HostFuncs()})
	if err != nil {
		return nil, nil, err
	}
	host := guest.New(guest.Options{Engine: e, Turns: turns})
	now := time.Now()
	begin := func() *exchange.Exchange {
		x := exchange.New()
		x.Now = now
		x.Request.Method, x.Request.Scheme, x.Request.Host, x.Request.Path = "GET", "https", "shop.example", "/"
		return x
	}
	var h handler = emptyHandler{}
	goHandler = &cell{name: "empty Go handler", do: func() error {
		x := begin()
		defer x.Release()
		_, err := h.Serve(x)
		return err
	}}
	hook = func(isolation sandbox.Isolation) (*cell, error) {
		f, err := host.Load(context.Background(), m.Bytes(), guest.Spec{Name: "empty", Isolation: &isolation})
		if err != nil {
			return nil, err
		}
		return &cell{name: "hook", do: func() error {
			x := begin()
			defer x.Release()
			r, err := f.Start(x, time.Time{})
			if err != nil {
				return err
			}
			_, err = r.Call(exchange.OnRequest)
			r.End()
			return err
		}}, nil
	}
	return goHandler, hook, nil
}
