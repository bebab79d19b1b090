package pipeline

import (
	"fmt"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// explain tells what would become of a request; [owner=NAME].
func (w *world) explain(b *strings.Builder, words []string, input string) {
	owner := "default"
	for _, word := range words[2:] {
		if v, ok := strings.CutPrefix(word, "owner="); ok {
			owner = v
		}
	}
	e, err := w.p.Explain(w.fill(words, input), owner)
	if err != nil {
		fmt.Fprintf(b, "error: %v\n", err)
		return
	}
	fmt.Fprintf(b, "%s %s, route %s %s\n", e.Method, e.URL, e.Site, e.Route)
	for _, d := range e.Functions {
		fmt.Fprintf(b, "function %s:", d.Function)
		if d.Answered {
			b.WriteString(" answered")
		}
		if d.Failed != exchange.ReasonNone {
			fmt.Fprintf(b, " failed %s", d.Failed)
		}
		fmt.Fprintf(b, " changed %q\n", d.Changed)
	}
	if e.Outcome != exchange.OutcomeNone {
		fmt.Fprintf(b, "%s %d %s\n", e.Outcome, e.Status, e.Reason)
		return
	}
	c := &e.Cache
	fmt.Fprintf(b, "%s", c.State)
	if c.Reason != exchange.ReasonNone {
		fmt.Fprintf(b, " %s fwd=%s", c.Reason, c.Forward)
	}
	b.WriteByte('\n')
	for _, p := range c.Parts {
		fmt.Fprintf(b, "key %s %s=%q\n", p.Kind, p.Name, p.Value)
	}
	for _, v := range c.Vary {
		fmt.Fprintf(b, "vary %s=%q %v\n", v.Name, v.Value, v.Present)
	}
	if c.Variants > 0 {
		fmt.Fprintf(b, "variants %d\n", c.Variants)
	}
	if s := c.Stored; s != nil {
		fmt.Fprintf(b, "stored %d %d bytes of %s, age %v, lifetime %v, ttl %v, purged softly %v\n", s.Status, s.Length, s.URL, s.Age, s.Facts.Lifetime, s.TTL, s.Purged)
	}
	w.seen(b)
}
