package observe

import (
	"slices"
	"sync"
	"time"
)

// Bounds of what is kept of failures.
const (
	// FunctionFailures is how many different failures of a function are kept: the last.
	FunctionFailures = 8
	// failureQueue is how many new ones wait to be looked into.
	failureQueue = 64
	// failureRest is how long nobody looks after a look, in units of how long that took: a hostile function can fail in new
	// ways all the time, and looking takes processor time.
	failureRest = 9
)

// Failures keep the last failures of each function in memory. New ones are looked into by a goroutine of its own, one
// after the other and with rests; those that would have to wait too long are counted and stay without files and
// lines. It is safe for concurrent use.
type Failures struct {
	// told, if it is not nil, is called when all has been found out about a new failure.
	told func(owner, name string, f *Failure)
	// ended is closed by Close.
	ended chan struct{}

	// mu guards what is below it.
	//
	// INVARIANT: len(of[k]) ≤ FunctionFailures, len(of) ≤ maxLogs, len(queue) ≤ failureQueue.
	mu      sync.Mutex
	of      map[[2]string][]*failure // the latest last
	queue   []job
	running bool // a goroutine works on the queue; it ends when that is empty
	closed  bool
	unseen  uint64
}

// NewFailures makes one that keeps nothing yet; told may be nil.
func NewFailures(told func(owner, name string, f *Failure)) *Failures {
	return &Failures{told: told, ended: make(chan struct{}), of: map[[2]string][]*failure{}}
}

// Close ends what is still being found out, without waiting for it.
func (s *Failures) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.queue = nil
		close(s.ended)
	}
}

// A failure with what makes it the same as another.
type failure struct {
	key string
	Failure
}

type job struct {
	owner, name string
	f           *failure
	find        func(*Failure)
}

// Add counts a failure. If it is new, find is called later, to find out more about it.
func (s *Failures) Add(owner, name, key string, f Failure, find func(*Failure)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := [2]string{owner, name}
	list := s.of[at]
	if i := slices.IndexFunc(list, func(f *failure) bool { return f.key == key }); i >= 0 {
		known := list[i]
		known.Count++
		known.Last, known.Request, known.Spent = f.Last, f.Request, f.Spent
		s.of[at] = append(append(list[:i:i], list[i+1:]...), known)
		return
	}
	if list == nil && len(s.of) >= maxLogs {
		s.unseen++
		return
	}
	f.Count, f.First = 1, f.Last
	added := &failure{key, f}
	if len(list) >= FunctionFailures {
		list = list[1:]
	}
	s.of[at] = append(list[:len(list):len(list)], added)
	if len(s.queue) >= failureQueue || s.closed {
		s.unseen++
		return
	}
	s.queue = append(s.queue, job{owner, name, added, find})
	if !s.running {
		s.running = true
		go s.work()
	}
}

// work looks into what is in the queue.
func (s *Failures) work() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.running = false
			s.queue = nil
			s.mu.Unlock()
			return
		}
		j := s.queue[0]
		s.queue = s.queue[1:]
		seen := j.f.copy()
		s.mu.Unlock()

		begin := time.Now()
		j.find(&seen)
		s.mu.Lock()
		j.f.Stack, j.f.Log = seen.Stack, seen.Log
		s.mu.Unlock()
		if s.told != nil {
			s.told(j.owner, j.name, &seen)
		}
		rest := time.NewTimer(min(failureRest*time.Since(begin), 10*time.Second))
		select {
		case <-rest.C:
		case <-s.ended:
			rest.Stop()
		}
	}
}

// copy returns what does not change with the original.
func (f *failure) copy() Failure {
	c := f.Failure
	c.Spent, c.Stack, c.Log = slices.Clone(c.Spent), slices.Clone(c.Stack), slices.Clone(c.Log)
	return c
}

// Of returns the last failures of a function, the latest first.
func (s *Failures) Of(owner, name string) []Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Failure
	for _, f := range slices.Backward(s.of[[2]string{owner, name}]) {
		out = append(out, f.copy())
	}
	return out
}

// Unseen counts the failures that nobody looked into, because there were too many.
func (s *Failures) Unseen() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unseen
}

// Forget drops what is kept of functions that a new configuration does not have.
func (s *Failures) Forget(has func(owner, name string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.of {
		if !has(at[0], at[1]) {
			delete(s.of, at)
		}
	}
}
