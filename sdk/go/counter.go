package wedge

import "github.com/wedgecdn/wedge/sdk/go/internal/raw"

// Counter counts what happens under a key within a sliding window (1 second to 1 day), in the memory of one node. All functions of an owner
// share it.
type Counter struct {
	Key    string // 1 to 256 bytes
	Window Duration
}

// Add adds delta and returns what the window holds now.
func (c Counter) Add(delta int64) (int64, error) {
	var sum uint64
	n := raw.CounterAdd(bytes(c.Key), c.Window.milliseconds(), delta, &sum)
	return int64(sum), failed(n, "counter add", c.Key)
}

// Read returns what the window holds now.
func (c Counter) Read() (int64, error) {
	var sum uint64
	n := raw.CounterRead(bytes(c.Key), c.Window.milliseconds(), &sum)
	return int64(sum), failed(n, "counter read", c.Key)
}

// Penalise puts a key aside for that long; 0 ends it.
func Penalise(key string, d Duration) error {
	return failed(raw.PenaltySet(bytes(key), d.milliseconds()), "penalise", key)
}

// Penalty is for how much longer a key is put aside, 0 if it is not.
func Penalty(key string) (Duration, error) {
	var left uint64
	n := raw.Penalty(bytes(key), &left)
	return Duration(left) * Millisecond, failed(n, "penalty", key)
}
