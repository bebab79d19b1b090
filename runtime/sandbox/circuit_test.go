package sandbox_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// moody initialises itself by what the host function "do" does.
func moody() []byte {
	var m Module
	do := m.Import("test", "do", "", "")
	m.Memory(1, 0)
	m.Func("_initialize", "", "", "", Call(do)...)
	m.Func("fine", "", "i", "", I32(42)...)
	m.Func("trap", "", "", "", Unreachable...)
	m.Func("loop", "", "", "", Forever()...)
	return m.Bytes()
}

func TestCircuit(t *testing.T) {
	module := compile(t, newEngine(t), moody())
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		attempts := 0
		var opened []time.Duration
		p := newPool(t, sandbox.Options{
			Module: module, Limits: limit.Limits{Wall: time.Minute}, Isolation: sandbox.PerInstance, Fresh: true,
			Outside: func() any {
				return &exchange{do: func(c *hostcall.Call) {
					if attempts++; broken.Load() {
						c.Trap(errRefused)
					}
				}}
			},
			Events: sandbox.Events{Opened: func(pause time.Duration, err error) {
				if !errors.Is(err, errRefused) {
					t.Errorf("opened because of %v", err)
				}
				opened = append(opened, pause)
			}},
		})
		try := func() error {
			i, err := p.Acquire(t.Context())
			if err == nil {
				i.Bind(&exchange{}, nil)
				_, _ = i.Call(t.Context(), "trap")
				p.Release(i)
			}
			return err
		}
		// Traps and budgets of exchanges open nothing, however many.
		for range 100 {
			if err := try(); err != nil {
				t.Fatal(err)
			}
		}
		// Nor does a caller who leaves while an instance is made.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for range 10 {
			if _, err := p.Acquire(gone); errors.Is(err, sandbox.ErrCircuit) {
				t.Fatal(err)
			}
		}
		broken.Store(true)
		attempts = 0
		for n := range 50 {
			err := try()
			if !errors.Is(err, errRefused) || errors.Is(err, sandbox.ErrCircuit) != (n >= 3) {
				t.Fatalf("attempt %d: %v", n, err)
			}
		}
		if attempts != 3 {
			t.Errorf("50 requests led to %d attempts", attempts)
		}
		if err := try(); !strings.HasPrefix(err.Error(), "sandbox: instances cannot be made: 3 attempts in a row have failed, the next is in 1s: ") {
			t.Errorf("it says %q", err)
		}
		// Each pause is longer, up to a bound; after each one request tries.
		for range 7 {
			pause := opened[len(opened)-1]
			time.Sleep(pause - time.Millisecond)
			if before := attempts; try() == nil || attempts != before {
				t.Error("tried too early")
			}
			time.Sleep(time.Millisecond)
			before := attempts
			first, second := try(), try()
			if first == nil || second == nil || attempts != before+1 {
				t.Errorf("%d attempts after a pause of %s", attempts-before, pause)
			}
		}
		want := []time.Duration{1, 2, 4, 8, 16, 30, 30, 30}
		for n := range want {
			if opened[n] != want[n]*time.Second {
				t.Fatalf("pauses of %v", opened)
			}
		}
		// One success closes it.
		broken.Store(false)
		time.Sleep(30 * time.Second)
		for range 10 {
			if err := try(); err != nil {
				t.Error(err)
			}
		}
		broken.Store(true)
		if err := try(); errors.Is(err, sandbox.ErrCircuit) {
			t.Errorf("it opens after one failure: %v", err)
		}
		wantStats(t, p, 0, 0, 0)
	})
}
