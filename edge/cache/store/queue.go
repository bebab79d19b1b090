package store

// Queues say in which order objects go.
//
// They follow S3-FIFO (Yang et al., SOSP 2023). An object comes into a small
// queue. When it gets to that one's end it moves on to the main queue if it has
// been used meanwhile, else it goes, and only its name is remembered for as long
// as it would have stood in the main queue. If it comes back while its name is
// known, it enters the main queue at once. There what has been used goes round
// again, once for each use. So what is asked for once takes a twentieth of the
// room for as long as that lasts, a hit moves nothing and takes no lock, and
// what was dropped too early is soon back for good. RATIONALE.md has the
// figures beside W-TinyLFU's.
//
// All is counted in bytes. INVARIANT: an object is in a list exactly if its place
// says so.
type queues[M any] struct {
	small, main list[M]
	ghosts      *ghosts
}

// smallShare of all bytes is the small queue's: one of so many.
const smallShare = 20

// add puts o where it belongs: into the main queue if it takes the place of one
// that stood there, or its name is remembered.
func (q *queues[M]) add(o *Object[M], instead place) {
	if instead == inMain || instead == outside && q.ghosts.take(o.Key, o.Variant, q.bytes()) {
		o.place = inMain
		q.main.push(o)
		return
	}
	o.place = inSmall
	q.small.push(o)
}

func (q *queues[M]) remove(o *Object[M]) {
	if o.place == inMain {
		q.main.remove(o)
	} else {
		q.small.remove(o)
	}
	o.place = outside
}

func (q *queues[M]) bytes() int64 { return q.small.bytes + q.main.bytes }

// evict removes the object that is to go next; nil if there is none.
func (q *queues[M]) evict() *Object[M] {
	for q.small.count > 0 && (q.main.count == 0 || q.small.bytes > q.bytes()/smallShare) {
		o := q.small.oldest
		q.remove(o)
		if o.uses.Swap(0) == 0 {
			q.ghosts.add(o.Key, o.Variant, o.weight())
			return o
		}
		o.place = inMain
		q.main.push(o)
	}
	// Each round takes a use from every object that has one, so the end comes
	// unless hits are faster than this loop; then the one that is at the end goes.
	for n := (mostUses + 1) * q.main.count; q.main.count > 0; n-- {
		o := q.main.oldest
		uses := o.uses.Load()
		if uses == 0 || n == 0 {
			q.remove(o)
			return o
		}
		o.uses.Store(uses - 1)
		q.main.remove(o)
		q.main.push(o)
	}
	return nil
}

// A list of objects in the order in which they came, with their bytes.
type list[M any] struct {
	newest, oldest *Object[M]
	bytes          int64
	count          int
}

func (l *list[M]) push(o *Object[M]) {
	o.prev, o.next = nil, l.newest
	if l.newest != nil {
		l.newest.prev = o
	} else {
		l.oldest = o
	}
	l.newest = o
	l.bytes += o.weight()
	l.count++
}

func (l *list[M]) remove(o *Object[M]) {
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		l.newest = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		l.oldest = o.prev
	}
	o.prev, o.next = nil, nil
	l.bytes -= o.weight()
	l.count--
}
