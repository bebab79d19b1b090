package node

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wedgecdn/wedge/edge/hook"
)

func copyOf(owner string) copied { return copied{new(hook.Copy), &shadow{l: &loaded{owner: owner}}} }

// An owner who floods the queue loses his own copies; those of others come in turns.
func TestCopyQueueTakesTurns(t *testing.T) {
	q := newCopyQueue()
	taken := 0
	for range 10 * shadowQueue {
		if q.put(copyOf("flood")).Copy == nil {
			taken++
		}
	}
	if taken != shadowQueue || !q.full("flood") || q.full("calm") {
		t.Errorf("%d copies of the flood were taken, full %v, of the other %v", taken, q.full("flood"), q.full("calm"))
	}
	for range 3 {
		if q.put(copyOf("calm")).Copy != nil {
			t.Error("the flood keeps another out")
		}
	}
	var order []string
	for {
		select {
		case <-q.waits:
			if c, ok := q.take(); ok {
				order = append(order, c.s.l.owner)
			}
			continue
		default:
		}
		break
	}
	if got := strings.Join(order[:7], " "); len(order) != shadowQueue+3 || got != "flood calm flood calm flood calm flood" {
		t.Errorf("%d were taken, first %s", len(order), got)
	}
	if _, ok := q.take(); ok || len(q.waiting) != 0 {
		t.Errorf("an empty queue has %v", q.waiting)
	}
}

// Many owners do not make it larger: those of whom most waits lose to those of whom less does.
func TestCopyQueueIsBounded(t *testing.T) {
	q := newCopyQueue()
	const owners = 100
	for range 2 * shadowQueue {
		for i := range owners {
			q.put(copyOf(strconv.Itoa(i)))
		}
	}
	n := 0
	for _, row := range q.waiting {
		if n += len(row); len(row) < shadowQueues/owners || len(row) > shadowQueues/owners+1 {
			t.Errorf("of one owner %d copies wait", len(row))
		}
	}
	if n != shadowQueues || q.n != n {
		t.Errorf("%d copies wait, want %d; %d are counted", n, shadowQueues, q.n)
	}
	late := copyOf("late")
	if d := q.put(late); d.Copy == late.Copy {
		t.Error("there is no room for an owner of whom nothing waits")
	}
	if q.n != shadowQueues {
		t.Errorf("%d copies wait", q.n)
	}
}

func TestHammerCopyQueue(t *testing.T) {
	q := newCopyQueue()
	var putters sync.WaitGroup
	done, taken := make(chan int), 0
	stop := make(chan struct{})
	go func() {
		for n := 0; ; {
			select {
			case <-q.waits:
				if _, ok := q.take(); ok {
					n++
				}
			case <-stop:
				for {
					if _, ok := q.take(); !ok {
						done <- n
						return
					}
					n++
				}
			}
		}
	}()
	counts := make([]atomic.Int64, 7)
	for i := range counts {
		putters.Go(func() {
			owner := string(rune('a' + i))
			for range 2000 {
				q.full(owner)
				counts[i].Add(1)
				if d := q.put(copyOf(owner)); d.Copy != nil {
					counts[d.s.l.owner[0]-'a'].Add(-1)
				}
			}
		})
	}
	putters.Wait()
	close(stop)
	for i := range counts {
		taken += int(counts[i].Load())
	}
	if got := <-done; got != taken {
		t.Errorf("%d came out, %d went in", got, taken)
	}
}
