package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A target is a bound that the node is to keep.
type target struct {
	Name  string
	Bound float64
	Unit  string // of bound and figure, "×" for ratios
	// Less says that the figure must be below the bound and not at it.
	Less bool
	seen func(r *Result) (figure float64, note string, ok bool)
}

// targets are the bounds that benchmarks/README.md names, in its order.
func targets() []target {
	return []target{
		cpuTarget("hit-1k", "wedge", "bare", 1.10),
		below("hit-1k", "wedge", "nginx"),
		below("hit-1k", "wedge", "varnish"),
		below("hit-1k", "wedge", "haproxy"),
		below("hit-1k", "wedge", "trafficserver"),
		below("hit-16k", "wedge", "nginx"),
		below("hit-1m", "wedge", "nginx"),
		cpuTarget("ua", "wedge/c", "bare", 1.25),
		cpuTarget("ua", "wedge/assemblyscript", "bare", 1.25),
		cpuTarget("ua", "wedge/rust", "bare", 1.6),
		cpuTarget("ua", "wedge/go", "bare", 5),
		below("ua", "wedge/c", "nginx+lua"),
		cpuTarget("ua", "wedge/c", "workerd", 1.0/6),
		{Name: "hit-1k, p99.9 at 70 % load: wedge / nginx's upper quartile", Bound: 1, Unit: "×", seen: tail},
		cpuTarget("miss", "wedge", "nginx", 1.3),
		{Name: "start: to the first hit, twenty functions", Bound: 300, Unit: " ms", seen: start},
	}
}

// measured says whether a result has figures for any of them.
func measured(r *Result) bool {
	return slices.ContainsFunc(targets(), func(t target) bool {
		_, _, ok := t.seen(r)
		return ok
	})
}

// cpuTarget bounds the processor time of one server by another's.
func cpuTarget(scenario, server, than string, bound float64) target {
	return target{Name: fmt.Sprintf("%s: %s / %s", scenario, server, than), Bound: bound, Unit: "×", seen: func(r *Result) (float64, string, bool) {
		a, b := r.row(scenario, server), r.row(scenario, than)
		if a == nil || b == nil {
			return 0, "", false
		}
		return ratio(a.CPU, b.CPU), fmt.Sprintf("%s and %s µs", number(median(a.CPU)), number(median(b.CPU))), true
	}}
}

func below(scenario, server, than string) target {
	t := cpuTarget(scenario, server, than, 1)
	t.Less = true
	return t
}

// tail holds the median of our rounds' p99.9 against the upper quartile of nginx's: what lies between nginx's median and that is its spread.
func tail(r *Result) (float64, string, bool) {
	ours, theirs := r.row("hit-1k", "wedge"), r.row("hit-1k", "nginx")
	if ours == nil || theirs == nil || ours.Rate == 0 || theirs.Rate == 0 {
		return 0, "", false
	}
	p999 := func(l Latencies) float64 { return l.P999 }
	a, b := slices.Sorted(slices.Values(each(ours.Latency, p999))), slices.Sorted(slices.Values(each(theirs.Latency, p999)))
	upper := b[(3*len(b)-1)/4]
	return median(a) / upper, fmt.Sprintf("%.1f and %.1f ms (median %.1f)", median(a)/1000, upper/1000, median(b)/1000), true
}

func start(r *Result) (float64, string, bool) {
	row := r.row("start", "wedge/many")
	if row == nil {
		return 0, "", false
	}
	ms := each(row.Latency, func(l Latencies) float64 { return l.Max / 1000 })
	return median(ms), fmt.Sprintf("%.0f to %.0f in %d starts", slices.Min(ms), slices.Max(ms), len(ms)), true
}

// row is that of a server in a scenario, nil if it has no figures.
func (r *Result) row(scenario, server string) *Row {
	for i, row := range r.Rows {
		if row.Scenario == scenario && row.Server == server && row.Reason == "" {
			return &r.Rows[i]
		}
	}
	return nil
}

// How much may fall short, and by what factor.
const (
	mayFall = 2
	mostOff = 1.5
)

// writeTargets writes each bound, what was seen of it and whether it holds, and what that makes of all.
func writeTargets(w io.Writer, r *Result) {
	fmt.Fprintf(w, "\nTargets\n%-60s %9s %9s\n", "", "bound", "seen")
	missing, short, off := 0, 0, 0
	for _, t := range targets() {
		sign := "≤"
		if t.Less {
			sign = "<"
		}
		figure, note, ok := t.seen(r)
		if !ok {
			missing++
			fmt.Fprintf(w, "%-60s %s %7.3g%-4s %8s    not measured\n", t.Name, sign, t.Bound, t.Unit, "–")
			continue
		}
		word := "yes"
		if figure > t.Bound || t.Less && figure == t.Bound {
			word = fmt.Sprintf("no, by %.2f", figure/t.Bound)
			short++
			if figure > mostOff*t.Bound {
				off++
			}
		}
		fmt.Fprintf(w, "%-60s %s %7.3g%-4s %8.3g%-4s %-12s %s\n", t.Name, sign, t.Bound, t.Unit, figure, t.Unit, word, note)
	}
	verdict := "all that is asked for"
	switch {
	case missing > 0:
		verdict = fmt.Sprintf("%d bounds are not measured", missing)
	case short > mayFall || off > 0:
		verdict = fmt.Sprintf("not enough: at most %d may fall short, none by more than %.1f", mayFall, mostOff)
	}
	fmt.Fprintf(w, "%d of %d hold, %d fall short, %d of them by more than %.1f: %s\n", len(targets())-missing-short, len(targets()), short, off, mostOff, verdict)
	commits := map[string]bool{}
	first, last := "~", ""
	for _, row := range r.Rows {
		if row.Reason == "" {
			commits[row.Commit] = true
			first, last = min(first, row.At), max(last, row.At)
		}
	}
	if len(commits) > 0 {
		fmt.Fprintf(w, "measured from %s to %s, node %s\n", first, last, strings.Join(slices.Sorted(maps.Keys(commits)), ", "))
	}
}
