package guest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// A Report is what is known of a guest that did not return, for its author. It never goes to a client.
type Report struct {
	Owner    services.Owner
	Function string
	Version  string
	// During is the hook's name, or Initialising.
	During       string
	Exchange     exchange.ID // zero while no exchange had the instance
	Kind         sandbox.Kind
	Message      string
	LastHostCall string // "module.name"; empty if there was none
	Budgets      []limit.Line
	Stack        []Frame // innermost first

	f *Function
}

// Initialising is Report.During of a guest that failed before it could serve.
const Initialising = "initialise"

// A Frame is a function that the guest was in. What is not known is zero.
type Frame struct {
	Function     string
	Offset       int // of the instruction in the module
	File         string
	Line, Column int

	at int // as the trap had it
}

// String returns "function at file:line:column", with the offset if there is no line.
func (f Frame) String() string {
	switch {
	case f.Line > 0 && f.Column > 0:
		return fmt.Sprintf("%s at %s:%d:%d", f.Function, f.File, f.Line, f.Column)
	case f.Line > 0:
		return fmt.Sprintf("%s at %s:%d", f.Function, f.File, f.Line)
	case f.Offset > 0:
		return fmt.Sprintf("%s at offset %#x", f.Function, f.Offset)
	}
	return f.Function
}

// report makes a report of a guest's failure.
func (f *Function) report(err error, during string, id exchange.ID, b *limit.Budget) *Report {
	r := &Report{Owner: f.spec.Owner, Function: f.spec.Name, Version: f.spec.Version, During: during, Exchange: id, Kind: sandbox.Other, f: f}
	if b != nil {
		r.Budgets = b.Lines()
	}
	t, ok := errors.AsType[*sandbox.Trap](err)
	if !ok { // the hook returned, but what it did cannot be: it said that it answered, and has not
		r.Message = err.Error()
		return r
	}
	r.Kind, r.Message, r.LastHostCall = t.Kind, t.Message, t.LastHostCall
	for _, s := range t.Stack {
		r.Stack = append(r.Stack, Frame{Function: s.Function, at: s.Offset})
	}
	return r
}

// Key is equal for reports of the same failure, wherever it is met again: version, hook, kind and stack.
func (r *Report) Key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", r.Version, r.During, r.Kind)
	switch r.Kind {
	case sandbox.Budget:
		return b.String() // it is spent here and there, and it is the same failure
	case sandbox.Other:
		b.WriteString(" " + r.Message)
	}
	for _, s := range r.Stack {
		fmt.Fprintf(&b, " %s+%x", s.Function, s.at)
	}
	return b.String()
}

// Locate looks up offsets, files and lines of the stack. It may take as long as some 50 ms a megabyte of module: it is for a
// goroutine that nobody waits for. What cannot be found stays as it is.
func (r *Report) Locate() {
	known := r.f.places.find(r.f, r.Stack)
	kept := r.Stack[:0]
	for _, s := range r.Stack {
		l, ok := known[s.at]
		if s.at != 0 && !ok && known != nil {
			continue // the meter's, in a module without names
		}
		s.Offset, s.File, s.Line, s.Column = l.Offset, l.Source.File, l.Source.Line, l.Source.Column
		kept = append(kept, s)
	}
	r.Stack = kept
}

// places remembers what was found in a module, so that traps that repeat themselves cost little.
//
// mu is held while the module is searched: whoever wants to know about the same function at the same time waits for that.
type places struct {
	mu    sync.Mutex
	known map[int]engine.Location
}

// mostPlaces bounds what is remembered: a guest has no more places than it has instructions, but it may have those.
const mostPlaces = 1000

// find returns where frames are; nil if the module's bytes are not to be had.
func (p *places) find(f *Function, stack []Frame) map[int]engine.Location {
	p.mu.Lock()
	defer p.mu.Unlock()
	var missing []int
	for _, s := range stack {
		if _, ok := p.known[s.at]; s.at != 0 && !ok {
			missing = append(missing, s.at)
		}
	}
	if len(missing) > 0 {
		original := f.host.o.Original
		if original == nil {
			return nil
		}
		module, err := original(f.spec.Owner, f.spec.Name, f.spec.Version)
		if err != nil {
			return nil
		}
		slices.Sort(missing)
		found, err := f.module.Locate(module, slices.Compact(missing))
		if err != nil {
			return nil // replaced on disk in the meantime
		}
		if p.known == nil || len(p.known)+len(found) > mostPlaces {
			p.known = map[int]engine.Location{}
		}
		maps.Copy(p.known, found)
	}
	out := make(map[int]engine.Location, len(stack))
	for _, s := range stack {
		if l, ok := p.known[s.at]; ok {
			out[s.at] = l
		}
	}
	return out
}
