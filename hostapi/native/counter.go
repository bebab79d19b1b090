package native

import (
	"encoding/binary"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
)

const (
	minWindow        = time.Second
	maxCounterWindow = 24 * time.Hour
	maxCounterKey    = 512
)

// counting is why a counter cannot be asked, or ok.
func (s *Session) counting(key []byte) abi.Status {
	switch {
	case s.b.o.Services.Counters == nil:
		return abi.StatusUnavailable
	case len(key) == 0 || len(key) > maxCounterKey:
		return abi.StatusInvalid
	}
	return abi.StatusOK
}

// counterAdd reads the key and writes the sum.
//
//	counter_add(key=0, key_len=1, window=1000, delta=1, sum=8)
//
//	        k                 sum
//	memory  a ? ? ? ? ? ? ?   1 0 0 0 0 0 0 0  ? ...
//	        0                 8                16
//	result  0
func counterAdd(s *Session, a []uint64) int64 {
	key, sum := s.view(a, 0), s.fixed(a, 4, 8)
	window, ok := milliseconds(a[2])
	if st := s.counting(key); st != abi.StatusOK {
		return status(st)
	}
	if !ok || window < minWindow || window > maxCounterWindow {
		return status(abi.StatusInvalid)
	}
	n, err := s.b.o.Services.Counters.Add(s.b.o.Owner, key, window, int64(a[3]))
	if err != nil {
		return status(statusOf(err))
	}
	binary.LittleEndian.PutUint64(sum, uint64(n))
	return 0
}

// counterRead reads the key and writes the sum, as counterAdd.
func counterRead(s *Session, a []uint64) int64 {
	key, sum := s.view(a, 0), s.fixed(a, 3, 8)
	window, ok := milliseconds(a[2])
	if st := s.counting(key); st != abi.StatusOK {
		return status(st)
	}
	if !ok || window < minWindow || window > maxCounterWindow {
		return status(abi.StatusInvalid)
	}
	n, err := s.b.o.Services.Counters.Read(s.b.o.Owner, key, window)
	if err != nil {
		return status(statusOf(err))
	}
	binary.LittleEndian.PutUint64(sum, uint64(n))
	return 0
}

// penaltySet reads the key; nothing is written.
func penaltySet(s *Session, a []uint64) int64 {
	key := s.view(a, 0)
	d, ok := milliseconds(a[2])
	if st := s.counting(key); st != abi.StatusOK {
		return status(st)
	}
	if !ok {
		return status(abi.StatusInvalid)
	}
	return status(statusOf(s.b.o.Services.Counters.Penalise(s.b.o.Owner, key, d)))
}

// penalty reads the key and writes the milliseconds that are left, rounded up.
//
//	penalty(key=0, key_len=1, left=8)
//
//	        k                 left
//	memory  a ? ? ? ? ? ? ?   9 0 0 0 0 0 0 0  ? ...
//	        0                 8                16
//	result  0
func penalty(s *Session, a []uint64) int64 {
	key, to := s.view(a, 0), s.fixed(a, 2, 8)
	if st := s.counting(key); st != abi.StatusOK {
		return status(st)
	}
	left, err := s.b.o.Services.Counters.Penalty(s.b.o.Owner, key)
	if err != nil {
		return status(statusOf(err))
	}
	binary.LittleEndian.PutUint64(to, uint64((max(left, 0)+time.Millisecond-1)/time.Millisecond))
	return 0
}
