package hostcall

import "context"

// Host is what stands behind the calls of one instance. It is used by the goroutine that runs the guest, and by no
// other at the same time.
type Host interface {
	// State is what the holder of the instance bound to it; nil outside an exchange.
	State() any
	// Memory is the guest's linear memory as it is now.
	Memory() Memory
	// Context ends when the call's wall time does, or when the caller of the guest goes away.
	Context() context.Context
	// Pause stops all clocks of the call, and Resume starts them again. They nest. Neither unwinds.
	Pause()
	Resume()
	// Enter counts a call of f and charges f.Fuel; it unwinds by a panic with *Unwind when a budget is spent. If
	// f.Waits, the CPU clock stops here.
	Enter(f *Func)
	// Leave ends what Enter began. It is called once for each Enter that returned, also when Body unwinds, and does not
	// unwind itself.
	Leave(f *Func)
	// Charge takes fuel from the budget and unwinds by a panic with *Unwind when a budget is spent. A charge of 0 only
	// looks.
	Charge(fuel int64)
}

// Call is one call of a guest into the host. It belongs to an instance and is used again for each of its calls: a Body
// must not keep it, nor a view of Memory, after it has returned.
type Call struct {
	host Host
	fn   *Func
}

// NewCall returns a Call on which h's calls are made. One is enough for the life of an instance.
func NewCall(h Host) *Call { return &Call{host: h} }

// Invoke calls f: the choke point. Parameters and results are in stack, see Func.Body. It panics with *Unwind when the
// guest must not go on; whoever runs the guest turns that into an error.
//
// A Body may run the guest again, and that may call in here again: Func is right on each level.
func (c *Call) Invoke(f *Func, stack []uint64) {
	outer := c.fn
	c.fn = f
	entered := false
	defer func() {
		if entered {
			c.host.Leave(f)
		}
		c.fn = outer
	}()
	c.host.Enter(f)
	entered = true
	f.Body(c, stack)
	if f.Waits {
		entered = false
		c.host.Leave(f)
		c.host.Charge(0) // the wait may have outlasted the deadline
	}
}

// State returns what the holder of the instance bound to it. It is nil while the guest initialises itself: an ABI
// answers that with "not in an exchange".
func (c *Call) State() any { return c.host.State() }

// Memory returns the guest's linear memory. A guest without one has an empty one, for which every check fails.
func (c *Call) Memory() Memory { return c.host.Memory() }

// Charge takes fuel beside the function's fixed charge, such as by the byte for hashing. Charge before the work, not
// after it: a spent budget unwinds the guest, and then Charge does not return. A negative charge is a bug.
func (c *Call) Charge(fuel int64) {
	if fuel < 0 {
		panic("BUG: hostcall: negative charge by " + c.fn.Signature())
	}
	c.host.Charge(fuel)
}

// ChargeMoved takes fuel for n bytes that are copied out of guest memory or into it: one unit for 16. For fewer it does
// nothing, not even look: the charge of each call is enough for a guest that makes many, and a look reads a clock.
func (c *Call) ChargeMoved(n int) {
	if n >= 16 {
		c.Charge(int64(n >> 4))
	}
}

// Pause begins a wait that is nobody's fault but the peer's of a body stream: until Resume neither wall nor CPU time is
// booked, the deadline moves, and Context does not end by it. Whoever makes the guest wait like that bounds the wait
// himself. Calls nest; each Pause is followed by its Resume, also when the Body unwinds.
func (c *Call) Pause() { c.host.Pause() }

// Resume ends what Pause began.
func (c *Call) Resume() { c.host.Resume() }

// Context ends at the wall deadline of the guest's call. Whatever a Body waits for ends with it.
func (c *Call) Context() context.Context { return c.host.Context() }

// Func returns the function that is being called.
func (c *Call) Func() *Func { return c.fn }

// Trap unwinds the guest with err; it never returns. The caller of the guest finds err by errors.As or errors.Is.
func (c *Call) Trap(err error) { panic(&Unwind{Func: c.fn, Err: err}) }

// Unwind is what the goroutine of a guest panics with when a host function ends the guest's call. It is an error so that
// an engine that recovers it can hand it on.
type Unwind struct {
	Func *Func // the function that ended the call; nil if the guest was between host functions
	Err  error // why
}

// Error returns the reason alone: the name of the function is for whoever reports it.
func (u *Unwind) Error() string { return u.Err.Error() }

// Unwrap returns the reason.
func (u *Unwind) Unwrap() error { return u.Err }
