package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// A step is one scene of the tour: what is told, and a play that sends requests and compares.
type step struct {
	name string // for the summary and for tests
	told string
	play func(*stage)
}

// A Differs error says that the tour did not go as told.
type Differs struct{ Steps []string }

func (e *Differs) Error() string {
	return "the tour went otherwise than told: " + strings.Join(e.Steps, ", ")
}

// Tour plays the story and prints it. It returns a *Differs if anything was not as told. A demo can be toured once: the story needs an empty
// cache at its beginning.
func (d *Demo) Tour(ctx context.Context, w io.Writer, color bool) error {
	return d.play(ctx, &printer{w: w, color: color}, steps)
}

// play plays some of the steps. None relies on one before it.
func (d *Demo) play(ctx context.Context, p *printer, steps []step) error {
	began := time.Now()
	v := newVisitor(d.node.Addr())
	defer v.close()
	log := &accessLog{file: d.folder.file("access.log"), lines: map[string]*line{}}
	requests, before := 0, d.site.Log.Number()
	var differ []string
	p.title(fmt.Sprintf("A tour of wedge: %d steps on %s", len(steps), d.URL()))
	p.line("What stands behind a request is read from its response, the access log and the origin's counter. What the operator does goes over the node's API,")
	p.line("as the command line's requests do.")
	for i, st := range steps {
		s := &stage{ctx: ctx, demo: d, visitor: v, log: log, began: d.site.Log.Number()}
		s.from = s.began
		st.play(s)
		s.gather()
		requests += s.sent
		p.step(i+1, st, s)
		if len(s.wrong) > 0 {
			differ = append(differ, fmt.Sprintf("step %d (%s)", i+1, st.name))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	p.end(len(steps), len(differ), requests, d.site.Log.Number()-before, time.Since(began))
	if len(differ) > 0 {
		return &Differs{differ}
	}
	return nil
}

// A stage is where one step plays. It keeps what happened, in order, and what was not as told.
type stage struct {
	ctx     context.Context
	demo    *Demo
	visitor *visitor
	log     *accessLog
	began   int // the origin's number when the step began
	from    int // the same, or its number when mark was called

	events []event
	wrong  []string
	sent   int
	ready  []*reply // whose lines of the access log have not been looked up
}

// An event is a line to print: a request with its reply, or words.
type event struct {
	reply *reply
	words string
	show  []string // names of fields to print under the reply
}

// get asks the node and keeps the reply for being printed.
func (s *stage) get(q request, show ...string) *reply {
	r := s.quiet(q)
	s.events = append(s.events, event{reply: r, show: show})
	return r
}

// quiet asks the node without printing.
func (s *stage) quiet(q request) *reply {
	r := s.visitor.get(s.ctx, q)
	s.keep(r)
	return r
}

// keep counts a reply in. What failed is wrong whatever the step wants.
func (s *stage) keep(r *reply) {
	s.sent++
	if r.err != nil {
		s.wrong = append(s.wrong, fmt.Sprintf("%s: %v", r.request.uri, r.err))
		return
	}
	if r.request.to == "" {
		s.ready = append(s.ready, r)
	}
}

// say adds words between the requests.
func (s *stage) say(format string, args ...any) {
	s.events = append(s.events, event{words: fmt.Sprintf(format, args...)})
}

// gather waits for the access log's lines about what was asked so far. Steps call it before they look at outcomes.
func (s *stage) gather() {
	if len(s.ready) == 0 {
		return
	}
	var ids []string
	for _, r := range s.ready {
		ids = append(ids, r.header.Get("X-Request-Id"))
	}
	if err := s.log.find(s.ctx, ids); err != nil {
		s.wrong = append(s.wrong, err.Error())
	}
	for i, r := range s.ready {
		r.logged = s.log.lines[ids[i]]
	}
	s.ready = nil
}

// want notes what is not as told.
func (s *stage) want(ok bool, format string, args ...any) {
	if !ok {
		s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
	}
}

// wantStatus wants a status.
func (s *stage) wantStatus(r *reply, status int) {
	if r.err == nil && r.status != status {
		s.gather()
		why := ""
		if r.logged != nil && r.logged.Reason != "" {
			why = " (" + r.logged.Reason + ")"
		}
		s.want(false, "%s answered %d%s, told was %d", r.request.uri, r.status, why, status)
	}
}

// wantOutcome wants an outcome from the access log, and a Cache-Status that agrees with it.
func (s *stage) wantOutcome(r *reply, outcome string) {
	s.gather()
	if r.err != nil {
		return
	}
	s.want(r.outcome() == outcome, "%s was %s, told was %s", r.request.uri, or(r.outcome(), "not in the access log"), outcome)
	s.want(r.hit() == (outcome == "hit"), "%s: Cache-Status says %q, and the access log %s", r.request.uri, r.header.Get("Cache-Status"), outcome)
}

// wantOrigin wants that the origin was asked so often since the step began or mark was called, for paths that begin with a prefix.
func (s *stage) wantOrigin(prefix string, n int) {
	got := s.origin(prefix)
	s.want(got == n, "the origin was asked %d times for %s, told was %d", got, prefix, n)
}

// mark lets wantOrigin count from here.
func (s *stage) mark() { s.from = s.demo.site.Log.Number() }

// warm makes the node store something, without printing and before anything is counted.
func (s *stage) warm(all ...request) {
	for _, q := range all {
		s.wantStatus(s.quiet(q), 200)
	}
	s.mark()
}

// origin counts what the origin was asked since then.
func (s *stage) origin(prefix string) (n int) {
	for _, r := range s.demo.site.Log.Since(s.from) {
		if strings.HasPrefix(r.URI, prefix) {
			n++
		}
	}
	return n
}

// must notes an error of an operator's act.
func (s *stage) must(what string, err error) {
	if err != nil {
		s.wrong = append(s.wrong, what+": "+err.Error())
	}
}

// or is the first of two texts that is not empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
