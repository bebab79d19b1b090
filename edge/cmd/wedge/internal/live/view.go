package live

import (
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/node"
)

// Options say how to show. Zero values are defaults.
type Options struct {
	Out io.Writer
	// JSON writes objects, one a line.
	JSON bool
	// Colors says that Out is a terminal that has them.
	Colors bool
	// Source finds the lines of a file, as a version was built of it, that stands in a failure; nil finds none.
	Source func(version, file string) []string
	// Place finds out where the instruction at an offset of a version's module comes from, if the module does not say it; nil
	// finds nothing.
	Place func(version string, offset int) (file string, line, column int, ok bool)
	// Burst is how many exchanges are shown at once, and Rate how many in each second after that: a flood of requests
	// must not flood the terminal. Defaults 40 and 20. JSON has all that the reader takes.
	Burst, Rate int
}

// Bounds of what waits to be shown.
const (
	queued      = 1024
	heldOf      = 64  // lines of one exchange
	heldAll     = 512 // exchanges that have lines or failures, and have not ended
	heldFor     = time.Second
	shownMost   = 256 // failures that are remembered
	summedEvery = time.Second
)

// A View shows events in the order in which they came; what belongs to an exchange waits for its end. It is safe for
// concurrent use.
//
// One goroutine takes events from the channel and has everything below held; whoever gives an event never waits. lost counts
// what found the channel full. mu guards closed, and is held while an event is put into the channel, so that nothing is put
// into one that is closed.
type View struct {
	o      Options
	events chan any
	lost   atomic.Int64
	done   chan struct{}

	mu     sync.RWMutex
	closed bool

	held    map[string]*held // by exchange
	tokens  float64
	filled  time.Time // when tokens were counted
	skipped skipped
	shown   map[string]bool // failures of the version that runs
	failed  error           // of writing
}

// held is what belongs to an exchange that has not ended.
type held struct {
	since    time.Time
	lines    []admin.LogLine
	more     int // lines beyond heldOf
	failures []*node.Failure
}

// skipped counts exchanges that are not shown.
type skipped struct {
	since    time.Time
	n        int
	outcomes map[string]int
	failed   int
}

// New makes a view, which has to be closed.
func New(o Options) *View {
	if o.Burst <= 0 {
		o.Burst = 40
	}
	if o.Rate <= 0 {
		o.Rate = 20
	}
	v := &View{o: o, events: make(chan any, queued), done: make(chan struct{}), held: map[string]*held{}, shown: map[string]bool{}, tokens: float64(o.Burst), filled: time.Now()}
	go v.work()
	return v
}

// Seen shows an exchange.
func (v *View) Seen(s *node.Seen) { v.put(s) }

// Line shows a line that the function logged.
func (v *View) Line(l admin.LogLine) { v.put(l) }

// Failed shows a failure of the function.
func (v *View) Failed(f *node.Failure) { v.put(f) }

// A Told is something else that happened, in words.
type Told struct {
	Event string // "ready", "built", "refused" and so on
	Text  string // lines for people
	More  any    // what JSON has beside it; nil for nothing
}

// Tell shows what happened. Unlike the others it waits until there is room: it is rare, and must not be lost.
func (v *View) Tell(t Told) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if !v.closed {
		v.events <- t
	}
}

// put never waits.
func (v *View) put(event any) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return
	}
	select {
	case v.events <- event:
	default:
		v.lost.Add(1)
	}
}

// Close shows what is left, and returns the first error of writing.
func (v *View) Close() error {
	v.mu.Lock()
	if !v.closed {
		v.closed = true
		close(v.events)
	}
	v.mu.Unlock()
	<-v.done
	return v.failed
}

func (v *View) work() {
	defer close(v.done)
	tick := time.NewTicker(heldFor / 2)
	defer tick.Stop()
	for {
		select {
		case event, open := <-v.events:
			if !open {
				v.flush(time.Time{})
				v.summary(true)
				return
			}
			v.take(event)
		case now := <-tick.C:
			v.flush(now.Add(-heldFor))
			v.summary(false)
		}
	}
}

func (v *View) take(event any) {
	switch e := event.(type) {
	case Told:
		v.summary(true)
		v.told(e)
		clear(v.shown)
	case admin.LogLine:
		h := v.hold(e.Request)
		switch {
		case h == nil:
			v.line(e, e.Request)
		case len(h.lines) < heldOf:
			h.lines = append(h.lines, e)
		default:
			h.more++
		}
	case *node.Failure:
		if h := v.hold(e.Request); h == nil {
			v.failure(e, nil)
		} else if len(h.failures) < 4 { // a hook fails once
			h.failures = append(h.failures, e)
		}
	case *node.Seen:
		h := v.held[e.ID]
		delete(v.held, e.ID)
		if !v.allowed() {
			v.skip(e)
			return
		}
		v.exchange(e)
		if h != nil {
			v.show(h, "")
		}
	}
}

// hold returns where to put what belongs to an exchange that has not ended; nil if it cannot be held.
func (v *View) hold(exchange string) *held {
	if exchange == "" {
		return nil
	}
	h := v.held[exchange]
	if h == nil && len(v.held) < heldAll {
		h = &held{since: time.Now()}
		v.held[exchange] = h
	}
	return h
}

// flush shows what has been held since before, whose exchange lasts: a long one, or a fetch that nobody waits for. The zero time means
// all of it.
func (v *View) flush(before time.Time) {
	for _, id := range slices.SortedFunc(maps.Keys(v.held), func(a, b string) int { return v.held[a].since.Compare(v.held[b].since) }) {
		h := v.held[id]
		if !before.IsZero() && h.since.After(before) {
			return
		}
		delete(v.held, id)
		if v.allowed() {
			v.show(h, id)
		} else {
			v.skip(nil)
		}
	}
}

// show shows what belongs to an exchange; id is named if its own line does not stand above.
func (v *View) show(h *held, id string) {
	said := -1 // by a failure below
	for _, f := range h.failures {
		said = max(said, told(h.lines, f))
	}
	for i, l := range h.lines {
		if i != said || v.o.JSON {
			v.line(l, id)
		}
	}
	if h.more > 0 {
		v.moreLines(h.more)
	}
	for _, f := range h.failures {
		v.failure(f, h.lines)
	}
}

// allowed takes a token, if there is one.
func (v *View) allowed() bool {
	if v.o.JSON {
		return true
	}
	now := time.Now()
	v.tokens = min(float64(v.o.Burst), v.tokens+now.Sub(v.filled).Seconds()*float64(v.o.Rate))
	v.filled = now
	if v.tokens < 1 {
		return false
	}
	v.tokens--
	return true
}

// skip counts an exchange that is not shown; nil stands for one of which only lines came.
func (v *View) skip(e *node.Seen) {
	s := &v.skipped
	if s.n == 0 {
		s.since = time.Now()
		s.outcomes = map[string]int{}
	}
	s.n++
	if e == nil {
		return
	}
	s.outcomes[e.Outcome]++
	for i := range e.Calls {
		if e.Calls[i].Failed != "" {
			s.failed++
			break
		}
	}
}

// summary tells how many exchanges were not shown, once in a while or now.
func (v *View) summary(now bool) {
	if lost := v.lost.Swap(0); lost > 0 {
		v.lostText(lost)
	}
	if v.skipped.n == 0 || !now && time.Since(v.skipped.since) < summedEvery {
		return
	}
	v.skippedText(&v.skipped)
	v.skipped = skipped{}
}

// write writes, and remembers the first error; after that nothing is tried any more.
func (v *View) write(text string) {
	if v.failed == nil {
		_, v.failed = io.WriteString(v.o.Out, text)
	}
}
