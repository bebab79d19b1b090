package main

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// The parameters of the trace were fixed before anything was tuned against it,
// and trace_test.go holds its checksum: who changes them changes the exam.
//
// It is a mix, as a node sees it: a catalogue whose popularity follows Zipf's
// law and shifts as time goes by, a smaller and flatter set of recent things
// that rises and is gone (news), responses that are asked for once and never
// again, and crawlers that read a part of the catalogue from one end to the
// other.
const (
	seed1, seed2 = 20261122, 9111 // of math/rand/v2's PCG

	requests = 2_000_000
	warmup   = 500_000 // requests in front that are not counted

	catalogue  = 200_000 // objects
	skew       = 0.9     // of the catalogue: the n-th object is asked for n^-skew times as often as the first
	shiftEvery = 100_000 // requests between two shifts
	shifted    = 0.05    // of the catalogue's ranks get another object at each shift

	news      = 3_000  // objects that are recent at one time
	newsSkew  = 0.6    // their popularity is flatter
	newsEvery = 50     // requests after which the oldest of them is replaced
	newsShare = 0.15   // of the requests
	onceShare = 0.15   // of the requests are for what is asked for once
	scanEvery = 80_000 // requests between the beginnings of two scans
	scanLen   = 8_000  // objects that a scan reads, every second request being its own

	// Bodies: lognormal, the median 8 KiB, the mean about 24 KiB; the same law
	// for all kinds. Heads: 250 to 450 bytes.
	bodyMedian = 8 << 10
	bodySigma  = 1.5
	bodyLeast  = 64
	bodyMost   = 4 << 20
	headLeast  = 250
	headRange  = 200
)

// The kinds of objects stand in the upper bits of an object's number.
const (
	kindCatalogue = uint64(iota+1) << 56
	kindNews
	kindOnce
)

// A Request asks for an object.
type Request struct {
	Object uint64
	Body   int // bytes of its body
	Head   int // bytes of its fields
}

// bytes is what a cache has to keep of it at least.
func (r Request) bytes() int64 { return int64(r.Body + r.Head) }

// A mix is what a trace is made of. The zero mix is the catalogue alone, whose popularity stays as it is.
type mix struct {
	requests, warmup     int
	once, news           float64 // shares of the requests
	scanEvery, newsEvery int     // requests between two; 0 for never
	shifted              float64 // of the ranks, every shiftEvery requests
}

// mixes are the traces: the mixed one, and each of its causes alone, where a policy shows what it is good at.
func mixes() map[string]mix {
	const few, first = 600_000, 150_000
	return map[string]mix{
		"mixed": {requests: requests, warmup: warmup, once: onceShare, news: newsShare, scanEvery: scanEvery, newsEvery: newsEvery, shifted: shifted},
		"zipf":  {requests: few, warmup: first},
		"once":  {requests: few, warmup: first, once: 0.5},
		"scan":  {requests: few, warmup: first, scanEvery: 2 * scanLen},
		"shift": {requests: few, warmup: first, shifted: 0.5},
	}
}

// newTrace is the trace of a mix; every call makes the same one.
func newTrace(m mix) []Request {
	r := rand.New(rand.NewPCG(seed1, seed2))
	popular, recent := newZipf(catalogue, skew), newZipf(news, newsSkew)
	ranks := make([]uint64, catalogue) // the object of each rank
	for i := range ranks {
		ranks[i] = uint64(i)
	}
	r.Shuffle(len(ranks), func(i, j int) { ranks[i], ranks[j] = ranks[j], ranks[i] })
	var newest, once uint64
	newest = news
	scan, scanLeft := uint64(0), 0

	trace := make([]Request, 0, m.requests)
	for i := range m.requests {
		if i%shiftEvery == shiftEvery-1 {
			for range int(m.shifted * catalogue / 2) {
				a, b := r.IntN(catalogue), r.IntN(catalogue)
				ranks[a], ranks[b] = ranks[b], ranks[a]
			}
		}
		if m.newsEvery > 0 && i%m.newsEvery == 0 {
			newest++
		}
		if m.scanEvery > 0 && i%m.scanEvery == m.scanEvery-1 {
			scan, scanLeft = uint64(r.IntN(catalogue)), scanLen
		}
		var object uint64
		switch p := r.Float64(); {
		case scanLeft > 0 && i%2 == 0:
			scanLeft--
			scan = (scan + 1) % catalogue
			object = kindCatalogue | scan
		case p < m.once:
			once++
			object = kindOnce | once
		case p < m.once+m.news:
			object = kindNews | (newest - uint64(recent.rank(r)))
		default:
			object = kindCatalogue | ranks[popular.rank(r)]
		}
		trace = append(trace, sized(object))
	}
	return trace
}

// sized gives an object its sizes, always the same.
func sized(object uint64) Request {
	r := rand.New(rand.NewPCG(object, seed1))
	body := bodyMedian * math.Exp(bodySigma*r.NormFloat64())
	return Request{
		Object: object,
		Body:   int(min(max(body, bodyLeast), bodyMost)),
		Head:   headLeast + r.IntN(headRange),
	}
}

// A zipf draws ranks from 0, the n-th of them with a weight of (n+1)^-skew. The
// standard library's cannot do a skew of 1 and less.
type zipf struct{ sums []float64 }

func newZipf(n int, skew float64) *zipf {
	z := &zipf{make([]float64, n)}
	sum := 0.0
	for i := range z.sums {
		sum += math.Pow(float64(i+1), -skew)
		z.sums[i] = sum
	}
	return z
}

func (z *zipf) rank(r *rand.Rand) int {
	p := r.Float64() * z.sums[len(z.sums)-1]
	lo, hi := 0, len(z.sums)-1
	for lo < hi {
		if mid := (lo + hi) / 2; z.sums[mid] > p {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// checksum tells one trace from another.
func checksum(trace []Request) uint64 {
	h := fnv.New64a()
	var b [16]byte
	for _, r := range trace {
		binary.LittleEndian.PutUint64(b[:], r.Object)
		binary.LittleEndian.PutUint32(b[8:], uint32(r.Body))
		binary.LittleEndian.PutUint32(b[12:], uint32(r.Head))
		h.Write(b[:])
	}
	return h.Sum64()
}
