package proxywasm

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func (f *fake) set(key, value string, cas uint32) status {
	return f.do("proxy_set_shared_data", append(f.text(key, value), uint64(cas))...)
}

func (f *fake) get(key string) (value string, cas uint32, st status) {
	if st = f.do("proxy_get_shared_data", append(f.text(key), fakeOut, fakeOut+4, fakeOut+8)...); st == ok {
		value, cas = f.given(), f.word(fakeOut+8)
	}
	return value, cas, st
}

// What filters share ends at the owner, and for data and queues at the virtual machine's id.
func TestSharedKeepsOwnersApart(t *testing.T) {
	a := New()
	mine, peer, other := bind(t, a, "acme", "fn", nil, nil), bind(t, a, "acme", "fn2", nil, nil), bind(t, a, "other", "fn", nil, nil)
	f, p, o := newFake(mine, mine.session(), nil), newFake(peer, peer.session(), nil), newFake(other, other.session(), nil)
	q := f.register("q")
	f.set("k", "v", 0)
	f.enqueue(q, "item")
	if v, _, st := p.get("k"); v != "v" || st != ok {
		t.Errorf("the owner's other function reads %q, status %d", v, st)
	}
	if _, _, st := o.get("k"); st != notFound {
		t.Errorf("another owner reads it, status %d", st)
	}
	if st := o.enqueue(q, "x"); st != notFound {
		t.Errorf("another owner writes into the queue, status %d", st)
	}
	if v, st := o.dequeue(q); st != notFound {
		t.Errorf("another owner reads %q from the queue, status %d", v, st)
	}
	if v, st := p.dequeue(q); v != "item" || st != ok {
		t.Errorf("the owner's other function takes %q, status %d", v, st)
	}
}

// What an owner keeps is bounded, and what is taken away is there again.
func TestSharedIsBounded(t *testing.T) {
	a := New()
	b := bind(t, a, "acme", "fn", nil, nil)
	f := newFake(b, b.session(), nil)
	q := f.register("q")
	for i := range mostItems {
		if st := f.enqueue(q, "x"); st != ok {
			t.Fatalf("item %d: status %d", i, st)
		}
	}
	if st := f.enqueue(q, "x"); st != internalFailure {
		t.Errorf("one item too many: status %d", st)
	}
	f.dequeue(q)
	if st := f.enqueue(q, "x"); st != ok {
		t.Errorf("an item in the place of another: status %d", st)
	}
	for i := 1; i < mostQueues; i++ {
		if f.register("q"+strconv.Itoa(i)) == 0 {
			t.Fatalf("queue %d is refused", i)
		}
	}
	if f.register("more") != 0 {
		t.Error("a queue too many")
	}
	for range 2 * mostQueues {
		f.register("q")
	}
	if n := len(f.Bound.(*session).queues); n != mostQueues {
		t.Errorf("the session holds %d queues, want %d", n, mostQueues)
	}
	used := b.shared.bytes["acme"]
	f.set("k", strings.Repeat("v", 300), 0)
	f.set("k", "v", 0)
	if n := b.shared.bytes["acme"]; n != used+2+keptEntry {
		t.Errorf("%d bytes are booked, want %d", n, used+2+keptEntry)
	}
	b.shared.bytes["acme"] = mostShared - 3
	if st := f.set("new", "v", 0); st != internalFailure {
		t.Errorf("a byte too many: status %d", st)
	}
	if st := f.set("k", "four", 0); st != ok {
		t.Errorf("the last byte: status %d", st)
	}
}

// Names and values of no length cost as well: an owner cannot have more of them than their places take.
func TestSmallThingsAreBooked(t *testing.T) {
	a := New()
	b := bind(t, a, "acme", "fn", nil, nil)
	f := newFake(b, b.session(), nil)
	n := 0
	for ; n < mostShared && f.set(strconv.FormatInt(int64(n), 36), "", 0) == ok; n++ {
	}
	if most := mostShared / keptEntry; n < most*9/10 || n > most {
		t.Errorf("%d data without a value, want at most %d", n, most)
	}
	other := bind(t, a, "other", "fn", nil, nil)
	if st := newFake(other, other.session(), nil).set("k", "v", 0); st != ok {
		t.Errorf("another owner's datum: status %d", st)
	}
}

// Many instances share data, queues and metrics at once: no increment under compare-and-swap is lost, each item comes out once and
// in order of its writer, and in the end what is booked is what is there.
func TestHammerShared(t *testing.T) {
	a := New()
	const workers, key = 8, "sum"
	owner := func(b *binding) *fake { return newFake(b, b.session(), nil) }
	b := bind(t, a, "acme", "fn", nil, nil)
	f := owner(b)
	q := f.register("q")
	f.set(key, "0", 0)
	deadline := time.Now().Add(100 * time.Millisecond)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards what follows
	sum, sent, taken := 0, 0, map[string]bool{}
	for w := range workers {
		wg.Go(func() {
			f, last := owner(b), make([]int, workers)
			ready := make(chan struct{}, 1)
			mine, in, out := 0, 0, []string(nil)
			for i := 0; i < 20 || time.Now().Before(deadline); i++ {
				v, cas, st := f.get(key)
				n, err := strconv.Atoi(v)
				if st != ok || err != nil || cas == 0 {
					t.Errorf("%q, mark %d, status %d", v, cas, st)
					return
				}
				switch st := f.set(key, strconv.Itoa(n+1), cas); st {
				case ok:
					mine++
				case casMismatch:
				default:
					t.Errorf("status %d", st)
				}
				stop := b.shared.listen([]uint32{uint32(q)}, ready)
				if f.enqueue(q, fmt.Sprintf("%d %d", w, i)) == ok {
					in++
				}
				stop()
				if item, st := f.dequeue(q); st == ok {
					var from, number int
					if _, err := fmt.Sscan(item, &from, &number); err != nil || number < last[from] {
						t.Errorf("%q came behind %d", item, last[from])
					}
					last[from] = number
					out = append(out, item)
				}
				if st := f.do("proxy_define_metric", append(append([]uint64{counter}, f.text("m"+strconv.Itoa(i%4))...), fakeOut)...); st != ok {
					t.Errorf("a metric: status %d", st)
				}
				f.do("proxy_increment_metric", uint64(f.word(fakeOut)), 1)
			}
			mu.Lock()
			defer mu.Unlock()
			sum, sent = sum+mine, sent+in
			for _, item := range out {
				if taken[item] {
					t.Errorf("%q came out twice", item)
				}
				taken[item] = true
			}
		})
	}
	wg.Wait()
	if v, _, _ := f.get(key); v != strconv.Itoa(sum) {
		t.Errorf("the sum is %s, want %d", v, sum)
	}
	for {
		item, st := f.dequeue(q)
		if st == empty {
			break
		}
		if taken[item] {
			t.Errorf("%q came out twice", item)
		}
		taken[item] = true
	}
	if len(taken) != sent {
		t.Errorf("%d items came out of %d", len(taken), sent)
	}
	if got, want := b.shared.bytes["acme"], len("q")+len(key)+len(strconv.Itoa(sum))+2*keptEntry; got != want {
		t.Errorf("%d bytes are booked, want %d", got, want)
	}
	if n := len(b.shared.byID[0].ready); n != 0 {
		t.Errorf("%d listen still", n)
	}
}
