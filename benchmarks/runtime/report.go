package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// report prints tables, and keeps what is compared with a target.
type report struct {
	w       io.Writer
	verdict []string
	missed  int
}

func (r *report) printf(format string, args ...any) { fmt.Fprintf(r.w, format, args...) }

// want notes whether a figure reaches its target.
func (r *report) want(what string, got float64, unit, relation string, target float64) {
	ok := got <= target
	if relation == ">=" {
		ok = got >= target
	}
	verdict := "ok"
	if !ok {
		off := got / target
		if relation == ">=" {
			off = target / got
		}
		verdict = fmt.Sprintf("missed by %.2f x", off)
		r.missed++
	}
	r.verdict = append(r.verdict, fmt.Sprintf("%-60s %8.3f %-2s %s %-6.4g %s", what, got, unit, relation, target, verdict))
}

func (r *report) metering(all []*measured) {
	r.printf(`
Metering. The same module with the same input, µs of processor time a call, on one instance that is kept. plain is wazero as
it is, context is wazero with WithCloseOnContextDone. The last lines of a language are its geometric means, and a call that
does nothing, which is in no mean.

%-15s %-8s %9s %9s %9s   %-19s %15s %7s
`, "", "", "plain", "metered", "context", "metered/plain", "context/metered", "allocs")
	var every, faster []float64
	worst := 0.0
	for _, m := range all {
		first := len(every)
		for i, j := range m.jobs {
			of, by := ratio(m.metered[i], m.plain[i]), ratio(m.closed[i], m.metered[i])
			every, faster = append(every, of.median), append(faster, by.median)
			worst = max(worst, of.median)
			r.printf("%-15s %-8s %9.2f %9.2f %9.2f   %5.2f (%4.2f..%4.2f) %16.2f %7.1f\n", m.language, j.name,
				m.plain[i].median()/1e3, m.metered[i].median()/1e3, m.closed[i].median()/1e3, of.median, of.low, of.high, by.median, m.metered[i].allocs)
		}
		if len(m.jobs) > 1 {
			r.printf("%-15s %-8s %29s   %5.2f %29.2f\n", m.language, "mean", "", geometric(every[first:]), geometric(faster[first:]))
		}
		if m.empty[0] != nil {
			r.printf("%-15s %-8s %9.3f %9.3f %9.3f %44.1f\n", m.language, "empty", m.empty[0].median()/1e3, m.empty[1].median()/1e3, m.empty[2].median()/1e3, m.empty[1].allocs)
		}
	}
	r.printf("%-24s %29s   %5.2f %29.2f\n", "all", "", geometric(every), geometric(faster))
	r.want("metered/plain, geometric mean of all rows", geometric(every), "", "<=", 1.10)
	r.want("metered/plain, worst row", worst, "", "<=", 1.35)
	r.want("context/metered, geometric mean of all rows", geometric(faster), "", ">=", 4)
}

func (r *report) isolation(all []*measured) {
	r.printf(`
Isolation. One exchange: take an instance, call it, give it back; µs of processor time. A compiled guest writes to %d pages of
4 KiB beside those of its runtime; JavaScript answers a request. fresh makes an instance for each exchange; copy, drop and
scan are the ways to put its memory back; chosen is what the sandbox takes by itself; instance keeps what the exchange left,
which a program that runs once, as JavaScript does, cannot. reset is chosen less instance.

%-15s %10s %9s`, pages, "", "memory", "fresh")
	for _, way := range sandbox.Ways() {
		r.printf(" %9s", way)
	}
	r.printf(" %9s %9s   %-20s %7s\n", "chosen", "instance", "reset", "allocs")
	allocs := 0.0
	for _, m := range all {
		r.printf("%-15s %10s %9.1f", m.language, size(m.size), m.fresh.median()/1e3)
		for _, c := range m.ways {
			r.printf(" %9.2f", c.median()/1e3)
		}
		r.printf(" %9.2f", m.chosen.median()/1e3)
		allocs = max(allocs, m.chosen.allocs)
		if m.kept == nil {
			r.printf(" %9s   %-20s %7.1f\n", "-", "-", m.chosen.allocs)
			continue
		}
		allocs = max(allocs, m.kept.allocs)
		reset := above(m.chosen, m.kept)
		r.printf(" %9.2f   %-20s %7.1f\n", m.kept.median()/1e3, fmt.Sprintf("%.2f (%.2f..%.2f)", reset.median/1e3, reset.low/1e3, reset.high/1e3), m.chosen.allocs)
		if m.size <= 256<<10 {
			r.want("reset, "+m.language+", "+size(m.size), reset.median/1e3, "µs", "<=", 5)
		}
		if m.language == "Go" {
			r.want(fmt.Sprintf("reset, Go, %d pages and its runtime's", pages), reset.median/1e3, "µs", "<=", 15)
		}
		if m.size <= 4<<20 {
			r.want("reset/fresh, "+m.language+", "+size(m.size), reset.median/m.fresh.median(), "", "<=", 1.0/20)
		}
	}
	r.want("allocations an exchange, worst row of request and instance", allocs, "", "<=", 0)
}

func (r *report) hooks(handler, pooled, pristine *cell) {
	r.printf(`
Hooks. An exchange with one hook that does nothing; ns of processor time. Above all that the function's ABI does, beside an
empty handler in Go behind an interface.

%-46s %9s %9s %7s
`, "", "ns", "above Go", "allocs")
	empty := handler.median()
	r.printf("%-46s %9.0f %9s %7.1f\n", "handler in Go", empty, "", handler.allocs)
	line := func(name string, c *cell) float64 {
		more := above(c, handler).median
		r.printf("%-46s %9.0f %9.0f %7.1f\n", name, c.median(), more, c.allocs)
		return more
	}
	r.want("hook with a pooled instance above an empty Go handler", line("hook, isolation instance", pooled)/1e3, "µs", "<=", 0.5)
	line("hook, isolation request", pristine)
	r.want("allocations a hook, worst row", max(pooled.allocs, pristine.allocs), "", "<=", 0)
}

func (r *report) handlers(isolated, reused *cell) {
	r.printf(`
Handlers. A whole request to a program in JavaScript that answers hello, with all that the ABI does, but for sockets; µs of
processor time. Under isolation instance one run of the program takes one request after another.

%-46s %9s %9s %9s %7s
`, "", "µs", "low", "high", "allocs")
	line := func(name string, c *cell) float64 {
		s := spreadOf(c.samples)
		r.printf("%-46s %9.0f %9.0f %9.0f %7.1f\n", name, s.median/1e3, s.low/1e3, s.high/1e3, c.allocs)
		return s.median / 1e6
	}
	r.want("a request to JavaScript, isolation request", line("JavaScript, isolation request", isolated), "ms", "<=", 1)
	r.want("a request to JavaScript, isolation instance", line("JavaScript, isolation instance", reused), "ms", "<=", 0.5)
}

func (r *report) summary() {
	r.printf("\nTargets. %d of %d are reached.\n\n%s\n", len(r.verdict)-r.missed, len(r.verdict), strings.Join(r.verdict, "\n"))
}

func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
