package wasi

import (
	"bytes"
	"crypto/rand"
	"time"
)

// Env is implemented by the state that is bound to an instance. Without it, or if it returns nil, every function but
// proc_exit answers ENOSYS.
type Env interface{ WASI() *State }

// State is what WASI shows to one instance. It is used by the goroutine that runs the guest. The zero value is a guest
// without arguments and environment, whose output is dropped.
type State struct {
	// Args are the arguments, the name of the program first. Environ are pairs "KEY=value". A NUL in one of them ends it.
	Args    []string
	Environ []string

	// Line takes one line that the guest wrote to descriptor 1 or 2, without its line feed. The bytes are valid until it
	// returns. Nil drops them.
	Line func(fd uint32, line []byte)

	// Random fills b with random bytes. Nil is the operating system's generator.
	Random func(b []byte)

	// Fixed has both clocks go on by a microsecond each time that they are looked at, from Begin on, and by nothing else, for
	// a guest that shall do the same each time. One that waits by looking at a clock waits for its budget.
	Fixed bool

	// Done says that the guest has done what it was to do: with whatever code it exits, it is 0.
	Done bool

	// Look, if it is not nil, is given what a clock is about to show, in nanoseconds, and says what it shows: to write it down,
	// or to show again what was written down.
	Look func(now int64) int64

	looks  time.Duration // at clocks, while they are Fixed
	now    time.Time     // what the guest's wall clock showed at begun; zero before the first Begin
	begun  time.Duration // since booted; -1 if now says itself how long ago it was
	booted time.Time     // where the monotonic clock began
	lines  [2]bytes.Buffer
}

// MaxLine is the longest line that State.Line gets; a longer one arrives in pieces.
const MaxLine = 4096

// Begin sets the guest's wall clock to now; from there it runs on. The monotonic clock is not set back.
//
// Fast path: a time that comes from time.Now. Most guests never look at a clock, and reading one is a tenth of a short hook.
func (s *State) Begin(now time.Time) {
	s.looks, s.now, s.begun = 0, now, -1
	if now == now.Round(0) { // without a monotonic reading
		s.boot()
		s.begun = time.Since(s.booted) // which reads one clock, where time.Now reads two
	}
}

// End hands out what the guest wrote without ending the line, and forgets it.
func (s *State) End() {
	for i := range s.lines {
		if s.lines[i].Len() > 0 {
			s.emit(uint32(i+1), s.lines[i].Bytes())
		}
		s.lines[i].Reset()
	}
}

func (s *State) boot() {
	if s.booted.IsZero() {
		s.booted = time.Now()
	}
}

func (s *State) realtime() time.Time {
	if s.Fixed {
		s.looks += time.Microsecond
		return s.now.Add(s.looks)
	}
	if s.now.IsZero() {
		return time.Now()
	}
	if s.begun < 0 {
		return s.now.Add(time.Since(s.now))
	}
	return s.now.Add(time.Since(s.booted) - s.begun)
}

// monotonic never returns 0: some guests take that for "no clock".
func (s *State) monotonic() time.Duration {
	if s.Fixed {
		s.looks += time.Microsecond
		return time.Hour + s.looks
	}
	s.boot()
	return time.Since(s.booted) + 1
}

func (s *State) random(b []byte) {
	if s.Random != nil {
		s.Random(b)
		return
	}
	rand.Read(b) // never fails: the process ends if the system has no randomness
}

// write cuts b into lines. What is kept for the next call is at most MaxLine bytes.
func (s *State) write(fd uint32, b []byte) {
	kept := &s.lines[fd-1]
	for len(b) > 0 {
		n, whole := bytes.IndexByte(b, '\n'), true
		if n < 0 {
			n, whole = len(b), false
		}
		if room := MaxLine - kept.Len(); n > room {
			n, whole = room, false
		}
		switch {
		case whole && kept.Len() == 0: // Fast path: no copy
			s.emit(fd, b[:n])
		case whole || kept.Len()+n == MaxLine:
			kept.Write(b[:n])
			s.emit(fd, kept.Bytes())
			kept.Reset()
		default:
			kept.Write(b[:n])
		}
		if b = b[n:]; whole {
			b = b[1:]
		}
	}
}

func (s *State) emit(fd uint32, line []byte) {
	if s.Line != nil {
		s.Line(fd, line)
	}
}
