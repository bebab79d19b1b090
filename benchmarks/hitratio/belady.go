package main

import "container/heap"

// belady knows the future: it evicts what will be asked for last, and does not
// keep what would go at once. With objects of different sizes this is a good
// mark, not the proven optimum, which is too expensive to compute.
type belady struct {
	room    int64
	next    []int // for each request the index of the next one for its object
	objects map[uint64]*planned
	queue   plan
}

const never = int(^uint(0) >> 1)

type planned struct {
	Request
	next, at int // when it is asked for again; its place in the heap
}

func newBelady(trace []Request) func(room int64) policy {
	next, seen := make([]int, len(trace)), map[uint64]int{}
	for i := len(trace) - 1; i >= 0; i-- {
		next[i] = never
		if n, ok := seen[trace[i].Object]; ok {
			next[i] = n
		}
		seen[trace[i].Object] = i
	}
	return func(room int64) policy { return &belady{room: room, next: next, objects: map[uint64]*planned{}} }
}

func (c *belady) close() {}

func (c *belady) ask(i int, r Request) bool {
	if p := c.objects[r.Object]; p != nil {
		p.next = c.next[i]
		heap.Fix(&c.queue, p.at)
		return true
	}
	p := &planned{Request: r, next: c.next[i]}
	c.objects[r.Object] = p
	heap.Push(&c.queue, p)
	for c.room -= r.bytes(); c.room < 0; {
		last := heap.Pop(&c.queue).(*planned)
		delete(c.objects, last.Object)
		c.room += last.bytes()
	}
	return false
}

// A plan is a heap, the last to be asked for on top.
type plan []*planned

func (q plan) Len() int           { return len(q) }
func (q plan) Less(i, j int) bool { return q[i].next > q[j].next }
func (q plan) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}
func (q *plan) Push(x any) {
	p := x.(*planned)
	p.at = len(*q)
	*q = append(*q, p)
}
func (q *plan) Pop() any {
	old := *q
	p := old[len(old)-1]
	*q = old[:len(old)-1]
	return p
}
