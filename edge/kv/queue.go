package kv

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	queueLen   = 1024    // operations that may wait; further callers wait to enter
	batchOps   = 1024    // operations of one transaction at most
	batchBytes = 8 << 20 // bytes after which a batch takes no further operation
)

// op is one operation on its way through the queue.
//
// States: queued → taken (the committing goroutine has it; its outcome is the commit's) or
// queued → withdrawn (its caller left first; it is never applied). Both are one compare-and-swap, so an operation
// is either applied and reported or neither. After taken the caller waits for done, however long the disk takes:
// then there is no write whose outcome its caller does not know.
//
// INVARIANT: whoever made the op leaves it alone until done is closed; err belongs to the committing goroutine
// before, to the caller after.
type op struct {
	// apply does the work. It returns a refusal after changing nothing of its own; a failure of the file goes
	// through txn.fail. It may run twice, on two transactions, and must set its results anew each time.
	apply func(*txn) error
	size  int // bytes it holds, for the bound of a batch

	state atomic.Int32
	err   error
	done  chan struct{}
}

const (
	queued = iota
	taken
	withdrawn
)

// queue collects operations into batches: while one batch is being synced, the next one gathers. It waits for
// nobody, so a lone writer pays one sync and no delay. bbolt's own Batch waits for company, and runs a failed
// batch again for the error of any one function; here a refusal is an answer and costs the others nothing.
//
// INVARIANT: nothing is sent after closed is set, and close is called on the channel once, under mu; senders hold
// mu for reading. The committing goroutine takes no lock of the queue, so a full channel drains while close waits.
type queue struct {
	ops    chan *op
	ended  chan struct{} // closed when the last batch is done
	commit func([]*op)

	mu     sync.RWMutex
	closed bool
}

// newQueue starts the committing goroutine; close ends it.
func newQueue(commit func([]*op)) *queue {
	q := &queue{ops: make(chan *op, queueLen), ended: make(chan struct{}), commit: commit}
	go q.run()
	return q
}

// close lets what was accepted finish. It reports false when it was called before.
func (q *queue) close() bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.closed = true
	close(q.ops)
	q.mu.Unlock()
	<-q.ended
	return true
}

// do sends an operation and waits for its commit.
func (q *queue) do(ctx context.Context, o *op) error {
	if err := q.send(ctx, o); err != nil {
		return err
	}
	return q.wait(ctx, o)
}

func (q *queue) send(ctx context.Context, o *op) error {
	o.done = make(chan struct{})
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return ErrClosed
	}
	select {
	case q.ops <- o:
		return nil
	default:
	}
	select {
	case q.ops <- o:
		return nil
	case <-ctx.Done():
		return withdrawnError(ctx)
	}
}

func (q *queue) wait(ctx context.Context, o *op) error {
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		if o.state.CompareAndSwap(queued, withdrawn) {
			return withdrawnError(ctx)
		}
		<-o.done
		return o.err
	}
}

func withdrawnError(ctx context.Context) error {
	return fmt.Errorf("kv: nothing was written, the caller left first: %w", context.Cause(ctx))
}

func (q *queue) run() {
	defer close(q.ended)
	batch := make([]*op, 0, batchOps)
	for first := range q.ops {
		batch = q.collect(batch[:0], first)
		if len(batch) > 0 {
			q.commit(batch)
		}
		clear(batch) // values of up to MaxValue hang on them
	}
}

// collect takes what is there, without waiting.
func (q *queue) collect(batch []*op, first *op) []*op {
	bytes := 0
	for o := first; ; {
		if o.state.CompareAndSwap(queued, taken) {
			batch = append(batch, o)
			bytes += o.size
		}
		if len(batch) == batchOps || bytes >= batchBytes {
			return batch
		}
		select {
		case next, ok := <-q.ops:
			if !ok {
				return batch
			}
			o = next
		default:
			return batch
		}
	}
}
