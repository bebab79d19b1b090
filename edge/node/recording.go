package node

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/journal"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// A recorder is where exchanges ask whether they are to be recorded. now is nil but while an operator records: then that is
// all that it costs. It is swapped whole, and holds one recording of each owner, mostRecordings at most.
//
// mu is held while now is swapped.
type recorder struct {
	now atomic.Pointer[map[string]*recording]

	mu sync.Mutex
}

// of is the recording of an owner's exchanges; nil if there is none.
func (r *recorder) of(owner string) *recording {
	m := r.now.Load()
	if m == nil {
		return nil // Fast path: nobody records
	}
	return (*m)[owner]
}

// begin has a recording begin, unless there is one of its owner, or there are too many.
func (r *recorder) begin(n *recording) (ok, full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := map[string]*recording{n.owner: n}
	if m := r.now.Load(); m != nil {
		if (*m)[n.owner] != nil {
			return false, false
		}
		if len(*m) >= mostRecordings {
			return false, true
		}
		maps.Copy(next, *m)
	}
	r.now.Store(&next)
	return true, false
}

// end takes an owner's recording away. Preconditions: there is one.
func (r *recorder) end(owner string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := maps.Clone(*r.now.Load())
	if delete(next, owner); len(next) == 0 {
		r.now.Store(nil)
		return
	}
	r.now.Store(&next)
}

// A recording writes down exchanges of one owner. The functions of an exchange that is written down run in twins, made for it
// alone: making one takes as long as making an instance, and nobody else waits for it.
//
// An exchange is open from its first function on until its response has been sent and all that its functions do is over.
// Who never comes to an end, such as one that was only explained, is given up after a while. A fetch that begins when its
// client has been answered already, to bring what is stale up to date, is not written down: nothing would end it.
//
// mu guards what stands below it; sending on done never blocks.
type recording struct {
	owner, site, match string
	most               int
	services           *services.Services
	secrets            map[string]string
	done               chan ready

	mu    sync.Mutex
	open  map[exchange.ID]*recorded
	taken int
	held  int                   // bytes of what waits in done
	past  [mostPast]exchange.ID // clients that have been answered, a ring
	next  int                   // of past
}

// ready is an exchange that waits to be written, and its size.
type ready struct {
	x    *journal.Exchange
	size int
}

// recorded is an exchange on its way. Its recording's mu guards it.
type recorded struct {
	x     *journal.Exchange
	since time.Time
	busy  int // runs and hooks that are not over
	ended bool
	tapes []*journal.Tape
	// secrets are those of the functions that ran: a configuration that has been replaced since may have had others.
	secrets map[string]string
}

const (
	// mostOpen bounds the exchanges that are being written down at once, openTime how long one may take.
	mostOpen  = 16
	mostReady = 128 // exchanges that wait to be written to who records
	// mostHeld is how many bytes they may take; one alone may take more.
	mostHeld = 16 << 20
	mostPast = 256 // clients that are remembered
	openTime = time.Minute
	// mostRecordings go on at once, each of another owner.
	mostRecordings = 4
)

// start is a run of f in x that is written down; nil if it is not to be.
func (r *recording) start(f *guest.Function, x *exchange.Exchange) hook.Run {
	if string(f.Owner()) != r.owner || r.site != "" && x.Site != r.site {
		return nil
	}
	o := r.enter(x)
	if o == nil {
		return nil
	}
	run := runOf(f, x)
	r.mu.Lock()
	o.x.Runs = append(o.x.Runs, run)
	for name, v := range f.Spec().Secrets {
		o.secrets[fmt.Sprintf("%s\x00of %d", name, len(o.secrets))] = string(v)
	}
	r.mu.Unlock()
	give := func() hook.Run {
		r.leave(x.ID, o)
		return nil
	}
	if !f.Twinned() {
		run.Cut = "functions of " + f.Info().ABI + " cannot be recorded"
		run.Seed = make([]byte, 32)
		return give()
	}
	tape := journal.Record(run, r.services)
	twin, err := f.Twin(tape.World(), tape.Services())
	if err != nil {
		run.Cut = err.Error()
		return give()
	}
	inner, err := twin.Start(x, time.Time{})
	if err != nil {
		twin.Close()
		run.Cut = err.Error()
		return give()
	}
	r.mu.Lock()
	o.tapes = append(o.tapes, tape)
	r.mu.Unlock()
	return &recordedRun{r: r, o: o, x: x, id: x.ID, run: run, tape: tape, twin: twin, inner: inner}
}

// enter is the record of x, with one more that is busy; nil if x is none to be recorded.
func (r *recording) enter(x *exchange.Exchange) *recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.open[x.ID]
	if o == nil {
		if x.Side == exchange.ClientSide && !matches(r.match, x.Request.URI()) && !matches(r.match, asked(x)) || x.Side == exchange.FetchSide && !matches(r.match, x.Request.URI()) {
			return nil
		}
		if x.Side == exchange.FetchSide && slices.Contains(r.past[:], x.ID) {
			return nil
		}
		if len(r.open) >= mostOpen || r.taken+len(r.open) >= r.most {
			for id, old := range r.open {
				if time.Since(old.since) > openTime {
					delete(r.open, id)
				}
			}
		}
		if len(r.open) >= mostOpen || r.taken+len(r.open) >= r.most {
			return nil
		}
		q := &x.Request
		u := q.Scheme + "://" + q.Host + q.URI()
		if a := &x.Asked; a.Path != "" {
			u = a.Scheme + "://" + a.Host + asked(x)
		}
		o = &recorded{since: time.Now(), secrets: maps.Clone(r.secrets), x: &journal.Exchange{
			ID: x.ID.String(), Time: x.Now, Owner: strings.Clone(x.Owner), Site: strings.Clone(x.Site), Route: strings.Clone(x.Route),
			Method: journal.Text(strings.Clone(q.Method)), URL: journal.Text(u), Client: journal.ClientOf(&x.Client),
		}}
		r.open[x.ID] = o
	}
	o.busy++
	return o
}

// asked is path and query of the URL that the client asked for, "" if they are not known.
func asked(x *exchange.Exchange) string {
	if x.Asked.HasQuery {
		return x.Asked.Path + "?" + x.Asked.Query
	}
	return x.Asked.Path
}

// runOf is a run that has done nothing yet.
func runOf(f *guest.Function, x *exchange.Exchange) *journal.Run {
	spec := f.Spec()
	// Redaction writes into all of a record: it must have nothing in common with the function, or with the record of another exchange.
	s := journal.Settings{ABI: f.Info().ABI, Isolation: spec.Isolation.String(), Config: textMap(spec.Config), Env: textMap(spec.Env),
		Fetch: slices.Clone(spec.Fetch), KV: slices.Clone(spec.KV),
		AllKV: spec.AllKV, MaxBody: spec.MaxBody, Fuel: spec.Limits.Fuel, Memory: spec.Limits.Memory, HostCalls: spec.Limits.HostCalls}
	for name, v := range spec.Secrets {
		if s.Secrets == nil {
			s.Secrets = map[string]int{}
		}
		s.Secrets[name] = len(v)
	}
	if spec.Reads.Cookie {
		s.Reads = append(s.Reads, "cookie")
	}
	if spec.Reads.Authorization {
		s.Reads = append(s.Reads, "authorization")
	}
	return &journal.Run{Function: f.Name(), Version: f.Version(), Settings: s, Fetch: x.Side == exchange.FetchSide}
}

func textMap(m map[string]string) map[string]journal.Text {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]journal.Text, len(m))
	for k, v := range m {
		out[k] = journal.Text(v)
	}
	return out
}

// leave tells that something of an exchange is over.
func (r *recording) leave(id exchange.ID, o *recorded) {
	r.mu.Lock()
	o.busy--
	r.settle(id, o)
}

// ended tells that the response to a client has been sent. x is its exchange.
func (r *recording) ended(x *exchange.Exchange) {
	if x.Owner != r.owner {
		return
	}
	r.mu.Lock()
	o := r.open[x.ID]
	r.past[r.next%mostPast] = x.ID
	r.next++
	if o == nil {
		r.mu.Unlock()
		return
	}
	o.ended = true
	o.x.Outcome, o.x.Reason, o.x.Status = x.Outcome.String(), x.Reason.String(), x.Response.Status
	if x.Cache.Key != [16]byte{} {
		o.x.Key = hex.EncodeToString(x.Cache.Key[:])
	}
	o.x.Header = journal.Fields(&x.Response.Header)
	r.settle(x.ID, o)
}

// settle hands an exchange out if all of it is over. Preconditions: mu is held, and is not any more when settle returns.
func (r *recording) settle(id exchange.ID, o *recorded) {
	if !o.ended || o.busy > 0 || r.open[id] != o {
		r.mu.Unlock()
		return
	}
	delete(r.open, id)
	r.taken++
	r.mu.Unlock()
	for _, t := range o.tapes {
		t.Seal() // a request's body may still be on its way to an origin
	}
	journal.Redact(o.x, o.secrets)
	d := ready{o.x, o.x.Size()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held > 0 && r.held+d.size > mostHeld {
		r.taken-- // who reads is too slow
		return
	}
	select {
	case r.done <- d:
		r.held += d.size
	default:
		r.taken--
	}
}

// written tells that what came out of done does not wait any more.
func (r *recording) written(d ready) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held -= d.size
}

// recordedRun is a run in a twin. It belongs to the goroutine that has the exchange.
type recordedRun struct {
	r     *recording
	o     *recorded
	x     *exchange.Exchange
	id    exchange.ID
	run   *journal.Run
	tape  *journal.Tape
	twin  *guest.Function
	inner *guest.Run
}

// Call satisfies hook.Run.
func (w *recordedRun) Call(h exchange.Hook) (answered bool, err error) {
	s := &journal.Step{Hook: h.String()}
	w.r.mu.Lock()
	w.o.busy++
	w.r.mu.Unlock()
	w.run.Steps = append(w.run.Steps, s)
	return w.tape.Step(w.inner, w.x, h, s, nil, func() { w.r.leave(w.id, w.o) })
}

// End satisfies hook.Run.
func (w *recordedRun) End() {
	w.inner.End()
	w.twin.Close() // what streams goes on
	w.r.leave(w.id, w.o)
}

// matches tells whether text is the pattern, in which each * stands for anything; every text is the empty pattern.
func matches(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok || len(parts) == 1 {
		return ok && text == ""
	}
	for _, p := range parts[1 : len(parts)-1] {
		_, behind, found := strings.Cut(text, p)
		if !found {
			return false
		}
		text = behind
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

// recordedEvents are the pipeline's events, of which a recording hears as well.
type recordedEvents struct {
	pipeline.Events
	r *recorder
}

func (e recordedEvents) Ended(x *exchange.Exchange, took time.Duration) {
	e.Events.Ended(x, took)
	if r := e.r.of(x.Owner); r != nil {
		r.ended(x)
	}
}

// sumOf is the name of a version with that code.
func sumOf(module []byte) string {
	sum := sha256.Sum256(module)
	return hex.EncodeToString(sum[:])
}
