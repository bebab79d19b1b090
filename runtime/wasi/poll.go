package wasi

import (
	"math"
	"time"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// maxSubscriptions bounds one poll_oneoff. Toolchains use one or two.
const maxSubscriptions = 128

const eventSize = 32

// subscriptionLayout is where the fields of a subscription are. The older name of WASI has one field more.
type subscriptionLayout struct{ size, fd, clock, timeout, flags uint32 }

var (
	preview1Subscription = subscriptionLayout{size: 48, fd: 16, clock: 16, timeout: 24, flags: 40}
	unstableSubscription = subscriptionLayout{size: 56, fd: 16, clock: 24, timeout: 32, flags: 48}
)

const (
	eventClock   = 0
	eventFDRead  = 1
	eventFDWrite = 2
)

// poll is poll_oneoff: sleep until a clock shows a time, or see which streams are ready. They always are. The sleep ends
// at the wall deadline at the latest.
//
//	parameters: subscriptions i32 (pointer), events i32 (pointer), count i32, occurred i32 (pointer)
//	result:     success; inval for no subscription or more than 128; fault, then nothing is written; intr when the
//	            deadline came first
//
// A subscription of a clock in preview 1, and the event that it becomes:
//
//	 0        8    16      20        24        32         40      42
//	+--------+----+-------+---------+---------+----------+-------+------+
//	|userdata|tag |clock  |         |timeout  |precision |flags  |      |  flags 1: timeout is a time, not a duration
//	+--------+----+-------+---------+---------+----------+-------+------+
//
//	 0        8       10    16       24    32
//	+--------+-------+-----+--------+------+
//	|userdata|errno  |type |nbytes  |flags |
//	+--------+-------+-----+--------+------+
func (l subscriptionLayout) poll(s *State, c *hostcall.Call, p []uint64) errno {
	m, in, out, count, occurred := c.Memory(), uint32(p[0]), uint32(p[1]), uint32(p[2]), uint32(p[3])
	if count == 0 || count > maxSubscriptions {
		return inval
	}
	subs, ok := m.View(in, count*l.size)
	events, ok2 := m.View(out, count*eventSize)
	_, ok3 := m.ReadUint32(occurred)
	if !ok || !ok2 || !ok3 {
		return fault
	}
	c.Charge(int64(count) * 10)

	// What is due at once is answered at once; otherwise the first that will be, and all that are due with it.
	var due [maxSubscriptions]struct {
		in time.Duration
		e  errno
	}
	wait := time.Duration(math.MaxInt64)
	for i := range count {
		d := &due[i]
		d.in, d.e = l.due(s, hostcall.MemoryOf(subs[i*l.size:][:l.size]))
		wait = min(wait, d.in)
	}
	if wait > 0 {
		if e := sleep(c, wait); e != success {
			return e
		}
	}

	// Events may lie over subscriptions in the guest's memory, so they are collected first.
	var collected [maxSubscriptions * eventSize]byte
	n := uint32(0)
	for i := range count {
		if due[i].in > max(wait, 0) {
			continue
		}
		sub := hostcall.MemoryOf(subs[i*l.size:][:l.size])
		event := hostcall.MemoryOf(collected[n*eventSize:][:eventSize])
		user, _ := sub.ReadUint64(0)
		tag, _ := sub.ReadUint8(8)
		event.WriteUint64(0, user)
		event.WriteUint16(8, uint16(due[i].e))
		event.WriteUint8(10, tag)
		n++
	}
	copy(events, collected[:n*eventSize])
	m.WriteUint32(occurred, n)
	return success
}

// due returns how long it is until sub has something to say, and what.
func (l subscriptionLayout) due(s *State, sub hostcall.Memory) (time.Duration, errno) {
	switch tag, _ := sub.ReadUint8(8); tag {
	case eventClock:
		id, _ := sub.ReadUint32(l.clock)
		timeout, _ := sub.ReadUint64(l.timeout)
		flags, _ := sub.ReadUint16(l.flags)
		now, ok := s.clock(id)
		if !ok {
			return 0, inval
		}
		if flags&1 != 0 { // a time, not a duration
			if timeout <= now {
				return 0, success
			}
			timeout -= now
		}
		return time.Duration(min(timeout, math.MaxInt64)), success
	case eventFDRead, eventFDWrite:
		fd, _ := sub.ReadUint32(l.fd)
		if fd > stderr || (fd == stdin) != (tag == eventFDRead) {
			return 0, badf
		}
		return 0, success
	}
	return 0, inval
}

// sleep waits for d, or for the deadline.
func sleep(c *hostcall.Call, d time.Duration) errno {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return success
	case <-c.Context().Done():
		return intr
	}
}
