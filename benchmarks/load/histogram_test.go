package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestPlace(t *testing.T) {
	last := -1
	for i := range 40 * fine {
		if p := place(most(i)); p != i {
			t.Fatalf("bucket %d ends with %d, which is in bucket %d", i, most(i), p)
		}
		if p := place(most(i) + 1); p != i+1 {
			t.Fatalf("what follows bucket %d is in bucket %d", i, p)
		}
		if int(most(i)) <= last {
			t.Fatalf("bucket %d is not above the one before", i)
		}
		last = int(most(i))
	}
}

// The oracle is the sorted list of all values.
func TestQuantiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 10, 999, 20000} {
		var h, a, b Histogram
		var all []time.Duration
		for i := range n {
			d := time.Duration(r.ExpFloat64() * float64(time.Millisecond))
			all = append(all, d)
			h.Record(d)
			if i%2 == 0 {
				a.Record(d)
			} else {
				b.Record(d)
			}
		}
		a.Add(&b)
		if a != h {
			t.Fatalf("%d values: the sum of two halves is not the whole", n)
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
			exact := all[max(0, min(n, int(q*float64(n)+0.999999))-1)]
			got := h.Quantile(q)
			if got < exact || float64(got-exact) > float64(exact)/60+1 {
				t.Errorf("%d values: quantile %v is %v, wanted %v", n, q, got, exact)
			}
		}
	}
	var none Histogram
	if none.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
}
