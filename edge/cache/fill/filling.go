package fill

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// The errors of a body that did not come as announced.
var (
	ErrShort    = errors.New("fill: the body ended before its announced length")
	ErrLong     = errors.New("fill: the body is longer than its announced length")
	ErrUnwanted = errors.New("fill: nobody reads the body, and it is not to be stored")
	errBroke    = errors.New("fill: the fetch broke off")
	ErrSlow     = errors.New("fill: the reader held up the others for too long")
)

// An Answer is what the leader gives to those who share its fetch.
type Answer struct {
	// Names and Variant say for which requests the response is; Everybody that
	// it is for all who wait, whatever they asked.
	Names     []string
	Variant   Key
	Everybody bool
	// Own tells that it is for the leader's own request only: the others are
	// released.
	Own bool
	// Head is the caller's.
	Head any
}

// only is the one place that the answer is for, nil if it is for all.
func (f *Filling) only(a *Answer) *place {
	if a.Own {
		return f.own
	}
	return nil
}

// A Sink takes the body that is stored.
type Sink interface {
	// Size is the length of a chunk.
	Size() int
	// Put adds a chunk; all but the last are Size long.
	Put(chunk []byte) error
	// Chunk copies the n-th chunk, of length want, into dst, whose capacity is
	// at least that; false if it is lost.
	Chunk(n, want int, dst []byte) ([]byte, bool)
	// Close tells that nobody will read from the sink any more.
	Close()
}

// A Filling is the leader's side of a fetch: exactly one of Stream, Share,
// Refresh, Release, Fail and Abandon ends the waiting; after it the others do
// nothing. It belongs to the goroutine that fetches.
type Filling struct {
	fill  *Fill
	own   *place // where the leader's own request waits
	guard Guard
	ended atomic.Bool
}

// Guard is the guard that was made for this fetch.
func (f *Filling) Guard() Guard { return f.guard }

func (f *Filling) end() bool { return !f.ended.Swap(true) }

// A Fate is what became of a body that was to be kept.
type Fate uint8

// The fates.
const (
	// Kept: it is in the sink, and Commit said yes.
	Kept Fate = iota
	// Rejected: Commit said no, or the sink did not take it.
	Rejected
	// TooLong: it is longer than Options.ObjectSize.
	TooLong
	// Crowded: Options.Memory was used up.
	Crowded
	// Broken: it did not come to its end.
	Broken
	// Unkept: there was no sink.
	Unkept
)

// A Flow is what Stream needs.
type Flow struct {
	Answer Answer
	// Guard takes the place of the fetch's: the response tells more than was
	// known before (its tags). nil leaves it.
	Guard Guard
	Body  io.Reader
	// Length is the announced length of the body; -1 if there is none.
	Length int64
	// Sink takes the body; nil if it is not to be stored.
	Sink Sink
	// Commit is called when the body is complete in the sink, before anybody
	// can have read all of it. If it is false the response is not kept.
	Commit func() bool
}

// Stream gives the response to all who wait and to those who join while it
// arrives. It returns when the body has come to its end or cannot: the error is
// nil if it is complete, whether it could be kept or not. It does not close the
// body.
func (f *Filling) Stream(w Flow) (Fate, error) {
	if !f.end() {
		return Broken, errors.New("fill: the fetch has been ended already")
	}
	t := f.fill.table
	// If anything panics before the decision, this is one; after it, it does nothing.
	defer f.fill.decide(Failed, nil, nil, errBroke, nil)
	defer t.close(f.fill)
	s := newStream(t, w.Sink, w.Length)
	// Whatever happens below, a panic in the body's reader included, readers
	// are not left waiting.
	defer func() { s.finish(errBroke) }()

	t.mu.Lock()
	f.fill.names, f.fill.variant = w.Answer.Names, w.Answer.Variant
	if w.Guard != nil {
		f.fill.guard = w.Guard
	}
	if !s.keeps() || w.Answer.Own {
		// What is not kept can only be read by those who are there.
		t.unlist(f.fill)
	}
	t.mu.Unlock()
	f.fill.decide(Shared, &w.Answer, s, nil, f.only(&w.Answer))

	err := s.pump(w.Body, w.Length, w.Commit, func() { t.close(f.fill) })
	if err != nil {
		err = fmt.Errorf("fill: body: %w", err)
	}
	t.close(f.fill)
	s.finish(err)
	return s.fate, err
}

// Share gives a whole response to all who wait; nobody joins later.
func (f *Filling) Share(a Answer, body []byte) {
	if !f.end() {
		return
	}
	a.Everybody = true
	f.fill.table.close(f.fill)
	s := wholeStream(f.fill.table, body)
	f.fill.decide(Shared, &a, s, nil, f.only(&a))
	s.free()
}

// Refresh tells all who wait that a stored response may be used: the answer
// says which, and there is nothing to read here.
func (f *Filling) Refresh(a Answer) {
	if f.end() {
		f.fill.table.close(f.fill)
		f.fill.decide(Shared, &a, nil, nil, f.only(&a))
	}
}

// Release tells all who wait to fetch for themselves.
func (f *Filling) Release() {
	if f.end() {
		f.fill.table.close(f.fill)
		f.fill.decide(Released, nil, nil, nil, nil)
	}
}

// Fail tells all who wait that the fetch failed.
func (f *Filling) Fail(err error) {
	if f.end() {
		f.fill.table.close(f.fill)
		f.fill.decide(Failed, nil, nil, err, nil)
	}
}

// Abandon gives up: the request that has waited longest leads now, and the
// leader's own is told that it failed.
func (f *Filling) Abandon() {
	if f.end() {
		f.fill.pass(f.own)
	}
}

// Again gives up, but the leader's own request may have the turn as well: what
// it tried cannot be done, a new attempt can.
func (f *Filling) Again() {
	if f.end() {
		f.fill.pass(nil)
	}
}
