package load

import (
	"math/bits"
	"time"
)

// fine is how many buckets each power of two has: a value is known to 1/64.
const fine = 64

// A Histogram counts durations in buckets whose width grows with the value.
type Histogram struct {
	Count  int
	Max    time.Duration
	bucket [64 * fine]uint32
}

func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.Count++
	h.Max = max(h.Max, d)
	h.bucket[place(uint64(d))]++
}

// Add puts other's values in.
func (h *Histogram) Add(other *Histogram) {
	h.Count += other.Count
	h.Max = max(h.Max, other.Max)
	for i, n := range other.bucket {
		h.bucket[i] += n
	}
}

// place is the bucket of a value: below 64 each value has its own.
func place(v uint64) int {
	if v < fine {
		return int(v)
	}
	shift := bits.Len64(v) - 7 // leaves 64..127
	return (shift+1)*fine + int(v>>shift) - fine
}

// most is the largest value of a bucket.
func most(i int) uint64 {
	if i < fine {
		return uint64(i)
	}
	shift := i/fine - 1
	return uint64(i%fine+fine+1)<<shift - 1
}

// Quantile is the duration that the share q of all values does not exceed, to 1/64.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count == 0 {
		return 0
	}
	rank := int(q*float64(h.Count) + 0.999999)
	rank = min(max(rank, 1), h.Count)
	seen := 0
	for i, n := range h.bucket {
		if seen += int(n); seen >= rank {
			return min(time.Duration(most(i)), h.Max)
		}
	}
	panic("BUG: the buckets hold less than was counted")
}
