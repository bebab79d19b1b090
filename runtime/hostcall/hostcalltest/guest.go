package hostcalltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// Sentinel fills the memory of a new Guest, so that a test sees each byte that a function wrote, and each that it
// should not have.
const Sentinel = '?'

// Guest satisfies hostcall.Host. It is for one goroutine.
type Guest struct {
	Bound any             // what Call.State returns
	Bytes []byte          // the linear memory
	Ctx   context.Context // what Call.Context returns; nil is context.Background

	Fuel    int64            // charged so far
	Budget  int64            // if not 0, a Charge above it unwinds with ErrBudget
	Entered []*hostcall.Func // the calls, in order
	Paused  int              // how many pauses are open

	call *hostcall.Call
}

// ErrBudget is what a call ends with when it charges more than Guest.Budget.
var ErrBudget = errors.New("fuel budget of the test spent")

// New returns a guest with size bytes of memory, all of them Sentinel.
func New(size int, state any) *Guest {
	g := &Guest{Bound: state, Bytes: bytes.Repeat([]byte{Sentinel}, size)}
	g.call = hostcall.NewCall(g)
	return g
}

// Call calls f with the parameters given and returns its results. If the function unwinds the guest, the error is the
// reason. As a real engine would, it leaves garbage in the upper half of each i32 parameter.
func (g *Guest) Call(f *hostcall.Func, params ...uint64) (results []uint64, err error) {
	if len(params) != len(f.Params) {
		return nil, fmt.Errorf("%s called with %d parameters", f.Signature(), len(params))
	}
	stack := make([]uint64, max(len(f.Params), len(f.Results)))
	for i, p := range params {
		if f.Params[i] == hostcall.I32 {
			p = p&0xffff_ffff | 0xdead_beef<<32
		}
		stack[i] = p
	}
	defer func() {
		if v := recover(); v != nil {
			u, ok := v.(*hostcall.Unwind)
			if !ok {
				panic(v)
			}
			results, err = nil, u.Err
		}
	}()
	g.call.Invoke(f, stack)
	return stack[:len(f.Results)], nil
}

// Find returns the function of that name, and panics if there is none: the test asked for something that is not there.
func Find(funcs []hostcall.Func, name string) *hostcall.Func {
	for i := range funcs {
		if funcs[i].Name == name {
			return &funcs[i]
		}
	}
	panic("BUG: no host function " + name)
}

// State satisfies hostcall.Host.
func (g *Guest) State() any { return g.Bound }

// Memory satisfies hostcall.Host.
func (g *Guest) Memory() hostcall.Memory { return hostcall.MemoryOf(g.Bytes) }

// Context satisfies hostcall.Host.
func (g *Guest) Context() context.Context {
	if g.Ctx == nil {
		return context.Background()
	}
	return g.Ctx
}

// Enter satisfies hostcall.Host.
func (g *Guest) Enter(f *hostcall.Func) {
	g.Entered = append(g.Entered, f)
	g.Charge(f.Fuel)
}

// Leave satisfies hostcall.Host.
func (g *Guest) Leave(*hostcall.Func) {}

// Pause satisfies hostcall.Host.
func (g *Guest) Pause() { g.Paused++ }

// Resume satisfies hostcall.Host.
func (g *Guest) Resume() {
	if g.Paused--; g.Paused < 0 {
		panic("BUG: more pauses were ended than begun")
	}
}

// Charge satisfies hostcall.Host.
func (g *Guest) Charge(fuel int64) {
	g.Fuel += fuel
	if g.Budget != 0 && g.Fuel > g.Budget {
		panic(&hostcall.Unwind{Func: g.call.Func(), Err: ErrBudget})
	}
}
