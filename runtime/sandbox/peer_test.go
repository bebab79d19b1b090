package sandbox_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// A pause moves the deadline of the call and of what waits for it, and nothing that passes in it is booked.
func TestPause(t *testing.T) {
	const wall = time.Second
	var m Module
	do := m.Import("test", "do", "", "")
	waiting := m.Import("test", "do waiting", "", "")
	pay := m.Import("test", "pay", "i", "")
	m.Func("do", "", "", "", Call(do)...)
	m.Func("do waiting", "", "", "", Call(waiting)...)
	m.Func("do twice", "", "", "", Code(Call(do), Call(waiting), I32(1_000_000), Call(pay))...)
	f := func(name string, want error, least time.Duration, do func(c *hostcall.Call)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			t.Helper()
			p := newPool(t, sandbox.Options{Module: compile(t, newEngine(t), m.Bytes()), Turns: sandbox.NewTurns(1)})
			i := acquire(t, p)
			defer p.Release(i)
			b := limit.New(limit.Limits{Wall: wall, CPU: time.Minute})
			i.Bind(&exchange{do: do}, b)
			_, err := i.Call(context.Background(), name)
			var spent *limit.Exceeded
			switch {
			case want == nil && err != nil:
				t.Errorf("%s: %v", name, err)
			case want != nil && (!errors.As(err, &spent) || spent.Budget != limit.Wall):
				t.Errorf("%s: %v, want a spent wall budget", name, err)
			}
			if got := b.Used().Wall; got < least || got > least+200*time.Millisecond {
				t.Errorf("%s: %s of wall time are booked, want %s", name, got, least)
			}
		})
	}
	for _, name := range []string{"do", "do waiting", "do twice"} {
		f(name, nil, 0, func(c *hostcall.Call) {
			ctx := c.Context()
			c.Pause()
			time.Sleep(time.Hour)
			c.Pause() // they nest
			time.Sleep(time.Hour)
			c.Resume()
			time.Sleep(time.Hour)
			if ctx.Err() != nil {
				t.Errorf("the context has ended in a pause: %v", ctx.Err())
			}
			c.Resume()
			if ctx.Err() != nil || c.Context() != ctx {
				t.Errorf("the context has ended with a pause: %v", ctx.Err())
			}
		})
		f(name, nil, 0, func(c *hostcall.Call) {
			c.Pause()
			ctx := c.Context() // made in a pause
			time.Sleep(time.Hour)
			if ctx.Err() != nil {
				t.Errorf("a context made in a pause has ended: %v", ctx.Err())
			}
			c.Resume()
		})
	}
	// What is left of the wall time after a pause is what was left before it.
	f("do waiting", context.DeadlineExceeded, wall, func(c *hostcall.Call) {
		ctx := c.Context()
		time.Sleep(wall * 3 / 4)
		c.Pause()
		time.Sleep(time.Hour)
		c.Resume()
		begun := time.Now()
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		<-child.Done()
		if took := time.Since(begun); took < wall/4-10*time.Millisecond || took > wall/4+10*time.Millisecond {
			t.Errorf("after a pause the context ends within %s, want %s", took, wall/4)
		}
		if ctx.Err() != context.DeadlineExceeded || context.Cause(child) != context.DeadlineExceeded {
			t.Errorf("it ended with %v, its child because of %v", ctx.Err(), context.Cause(child))
		}
	})
	// A deadline that was over before the pause stays so.
	f("do", context.DeadlineExceeded, wall, func(c *hostcall.Call) {
		time.Sleep(wall)
		c.Pause()
		time.Sleep(time.Hour)
		c.Resume()
		c.Charge(0)
		t.Error("the guest goes on with a spent budget")
	})
}
