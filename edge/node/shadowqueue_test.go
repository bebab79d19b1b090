package node

import (
	"strings"
	"sync"
	"testing"

	"github.com/wedgecdn/wedge/edge/hook"
)

func copyOf(owner string) copied { return copied{new(hook.Copy), &shadow{l: &loaded{owner: owner}}} }

// An owner who floods the queue loses his own copies; those of others come in turns.
func TestCopyQueueTakesTurns(t *testing.T) {
	q := newCopyQueue()
	taken := 0
	for range 10 * shadowQueue {
		if q.put(copyOf("flood")) {
			taken++
		}
	}
	if taken != shadowQueue || !q.full("flood") || q.full("calm") {
		t.Errorf("%d copies of the flood were taken, full %v, of the other %v", taken, q.full("flood"), q.full("calm"))
	}
	for range 3 {
		if !q.put(copyOf("calm")) {
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
	counts := make([]int, 4)
	for i := range counts {
		putters.Go(func() {
			owner := string(rune('a' + i))
			for range 2000 {
				if q.full(owner); q.put(copyOf(owner)) {
					counts[i]++
				}
			}
		})
	}
	putters.Wait()
	close(stop)
	for _, n := range counts {
		taken += n
	}
	if got := <-done; got != taken {
		t.Errorf("%d came out, %d went in", got, taken)
	}
}
