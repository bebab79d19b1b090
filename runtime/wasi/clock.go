package wasi

import (
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

const (
	clockRealtime  = 0
	clockMonotonic = 1
)

// clockResGet is clock_res_get: the resolution of a clock in nanoseconds. Both clocks have 1 ns.
//
//	parameters: clock i32, resolution i32 (pointer)
//	result:     success; inval for a clock that there is not; fault
//
// With the parameters 0 and 1:
//
//	         uint64le
//	       +----------------------+
//	[]byte{?, 1, 0, 0, 0, 0, 0, 0, 0, ?}
func clockResGet(_ *State, c *hostcall.Call, p []uint64) errno {
	if uint32(p[0]) > clockMonotonic {
		return inval
	}
	if !c.Memory().WriteUint64(uint32(p[1]), 1) {
		return fault
	}
	return success
}

// clockTimeGet is clock_time_get: what a clock shows, in nanoseconds. The wall clock began this exchange at the
// exchange's own time, so that a replay or a test sees the same; the monotonic one began with the instance.
//
//	parameters: clock i32, precision i64 (not used), time i32 (pointer)
//	result:     success; inval for a clock that there is not; fault
//
// With the parameters 0, 0, 1 at 1970-01-01 00:00:00.000000258:
//
//	         uint64le
//	       +----------------------+
//	[]byte{?, 2, 1, 0, 0, 0, 0, 0, 0, ?}
func clockTimeGet(s *State, c *hostcall.Call, p []uint64) errno {
	t, ok := s.clock(uint32(p[0]))
	if !ok {
		return inval
	}
	if s.Look != nil {
		t = uint64(s.Look(int64(t)))
	}
	if !c.Memory().WriteUint64(uint32(p[2]), t) {
		return fault
	}
	return success
}

func (s *State) clock(id uint32) (uint64, bool) {
	switch id {
	case clockRealtime:
		return uint64(s.realtime().UnixNano()), true
	case clockMonotonic:
		return uint64(s.monotonic()), true
	}
	return 0, false
}

// randomGet is random_get: bytes that nobody can foretell.
//
//	parameters: buffer i32 (pointer), length i32
//	result:     success or fault; then nothing is written
//
// With the parameters 1 and 3 every byte of the three is new:
//
//	[]byte{?, 0x5a, 0x13, 0xf0, ?}
func randomGet(s *State, c *hostcall.Call, p []uint64) errno {
	n := uint32(p[1])
	b, ok := c.Memory().View(uint32(p[0]), n)
	if !ok {
		return fault
	}
	const piece = 64 << 10 // a charge before each keeps a large request from being done when it cannot be paid
	for len(b) > 0 {
		k := min(len(b), piece)
		c.Charge(int64(k))
		s.random(b[:k])
		b = b[k:]
	}
	return success
}

// schedYield is sched_yield. The meter makes a guest yield anyway, whether it asks or not.
func schedYield(*State, *hostcall.Call, []uint64) errno { return success }

// procExit is proc_exit: the guest's call ends with *Exit. The module stays as it is.
func procExit(c *hostcall.Call, p []uint64) {
	code := uint32(p[0])
	if env, ok := c.State().(Env); ok {
		if s := env.WASI(); s != nil && s.Done {
			code = 0
		}
	}
	c.Trap(&Exit{Code: code})
}
