package encode

import "time"

// A Use is what became of what was compressed.
type Use uint8

// The uses.
const (
	// Sent: it went to one client while it was compressed.
	Sent Use = iota
	// Kept: it is for all who ask later.
	Kept
	// Dropped: it was for them, but saves too little, or its content broke off.
	Dropped
)

// String is the use's word in metrics.
func (u Use) String() string { return [...]string{"sent", "kept", "dropped"}[u] }

// Made is what one compression took and gave.
type Made struct {
	Coding  Coding
	Use     Use
	In, Out int64 // bytes
	// CPU is the processor time of it. It is 0 with Sent: between two parts of a
	// body its goroutine waits for the origin and the client and may wake on
	// another thread, and to hold it to one would cost a thread for each slow
	// client. It is 0 as well where the system has no clock of a thread.
	CPU time.Duration
}

func (e *Encoder) tell(m Made) {
	if e.o.Made != nil {
		e.o.Made(m)
	}
}
