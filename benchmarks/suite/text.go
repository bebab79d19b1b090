package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// report writes the text and the page for the results in a folder.
func report(dir string) error {
	r, err := readResult(filepath.Join(dir, "suite.json"))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	writeHead(&text, r)
	if measured(r) {
		writeTargets(&text, r)
	}
	for _, s := range scenarios() {
		writeScenario(&text, r, &s)
	}
	html, err := page(r)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "suite.txt"), text.Bytes(), 0o644), os.WriteFile(filepath.Join(dir, "suite.html"), html, 0o644))
}

func writeHead(w io.Writer, r *Result) {
	m := r.Machine
	fmt.Fprintf(w, "machine  %d processors, %s, %d MiB; %s\nkernel   %s, %s\n", m.Cores, m.CPU, m.MemoryMB, m.Pinned, m.Kernel, m.Go)
	names := make([]string, 0, len(r.Versions))
	for name := range r.Versions {
		if !strings.HasPrefix(name, "wedge/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "%-14s %s\n", name, strings.Join(strings.Fields(r.Versions[name]), " "))
	}
}

// writeScenario writes a table: processor time a request, its ratio to the first server's, throughput, latency, memory.
func writeScenario(w io.Writer, r *Result, s *Scenario) {
	rows := r.of(s.Name)
	if len(rows) == 0 {
		return
	}
	rounds, rate, commit, at := 0, 0.0, "", ""
	for _, row := range rows {
		rounds, rate = max(rounds, len(row.CPU)), max(rate, row.Rate)
		commit, at = max(commit, row.Commit), max(at, row.At)
	}
	fmt.Fprintf(w, "\n%s  (%s; %d rounds, %d connections; %s, %s)\n", s.Title, s.Name, rounds, s.Conns, commit, at)
	if rate > 0 {
		fmt.Fprintf(w, "latency at %.0f requests a second, from the time at which each was due\n", rate)
	}
	first := baseline(rows)
	ratioTo := ""
	if first != nil {
		ratioTo = "/" + first.Server
	}
	switch s.Kind {
	case Hostile:
		fmt.Fprintf(w, "latency beside the loops at %d requests a second, processor time alone\n", hostileRate)
	case Deploy:
		fmt.Fprintln(w, "processor time of the whole deploy, latency of the first answer by the new function")
	}
	fmt.Fprintf(w, "%-28s %9s %17s %8s %9s %9s %9s %9s %8s\n", "", "µs CPU", "least, most", ratioTo, "req/s", "p50 µs", "p99", "p99.9", "MiB")
	for _, row := range rows {
		if row.Reason != "" {
			continue
		}
		fmt.Fprintf(w, "%-28s %9.2f %8.2f %8.2f %8.2f %9.0f %9.0f %9.0f %9.0f %8.1f", row.Server, median(row.CPU), slices.Min(row.CPU), slices.Max(row.CPU),
			ratio(row.CPU, first.CPU), median(row.Throughput), row.quantile(func(l Latencies) float64 { return l.P50 }),
			row.quantile(func(l Latencies) float64 { return l.P99 }), row.quantile(func(l Latencies) float64 { return l.P999 }), row.MemoryMB)
		switch s.Kind {
		case Collapse:
			fmt.Fprintf(w, "  origin requests %v", row.Origin)
		case Zipf:
			fmt.Fprintf(w, "  hits %.1f %%", 100*row.hits())
		case Hostile:
			fmt.Fprintf(w, "  alone %.0f, %.0f, %.0f; %d loops ended a round", row.alone(func(l Latencies) float64 { return l.P50 }),
				row.alone(func(l Latencies) float64 { return l.P99 }), row.alone(func(l Latencies) float64 { return l.P999 }), slices.Min(row.Ended))
			if row.Calls != [2]float64{} {
				fmt.Fprintf(w, "; a call of the good function %.2f µs, alone %.2f", row.Calls[1], row.Calls[0])
			}
		case Deploy:
			fmt.Fprintf(w, "  live after %.1f ms (%.1f to %.1f)", median(row.Live)/1000, slices.Min(row.Live)/1000, slices.Max(row.Live)/1000)
			if slices.Max(row.Origin) > 0 {
				fmt.Fprint(w, "; what was stored is gone")
			}
		}
		fmt.Fprintln(w)
	}
	for _, d := range dashes(rows) {
		fmt.Fprintf(w, "–  %s: %s\n", strings.Join(d.Servers, ", "), d.Reason)
	}
}

// A dash is a reason for having no figures, and who has none for it.
type dash struct {
	Reason  string
	Servers []string
}

// dashes are the reasons of a scenario's rows, in the order in which they come up.
func dashes(rows []Row) (all []dash) {
	for _, row := range rows {
		if row.Reason == "" {
			continue
		}
		reason, _, _ := strings.Cut(row.Reason, "\n")
		i := slices.IndexFunc(all, func(d dash) bool { return d.Reason == reason })
		if i < 0 {
			i, all = len(all), append(all, dash{Reason: reason})
		}
		all[i].Servers = append(all[i].Servers, row.Server)
	}
	return all
}

// baseline is the first row with figures.
func baseline(rows []Row) *Row {
	for i := range rows {
		if rows[i].Reason == "" {
			return &rows[i]
		}
	}
	return nil
}

// quantile is the median of the rounds', alone that of the rounds in which nobody looped.
func (r *Row) quantile(of func(Latencies) float64) float64 { return median(each(r.Latency, of)) }
func (r *Row) alone(of func(Latencies) float64) float64    { return median(each(r.Alone, of)) }

func each(all []Latencies, of func(Latencies) float64) (v []float64) {
	for _, l := range all {
		v = append(v, of(l))
	}
	return v
}

// hits is the share of requests of which the origin saw nothing.
func (r *Row) hits() float64 {
	seen := 0
	for _, n := range r.Origin {
		seen += n
	}
	return 1 - float64(seen)/float64(len(r.Origin)*r.Requests)
}

// benchstat writes the rounds of a server, and of its variants, as go test writes benchmarks.
func benchstat(w io.Writer, dir, server string) error {
	r, err := readResult(filepath.Join(dir, "suite.json"))
	if err != nil {
		return err
	}
	for _, row := range r.Rows {
		variant, ok := strings.CutPrefix(row.Server, server)
		if !ok || variant != "" && variant[0] != '/' {
			continue
		}
		name := "Benchmark" + strings.ReplaceAll(row.Scenario, "-", "_") + variant
		for i, micro := range row.CPU {
			fmt.Fprintf(w, "%s %d %.0f cpu-ns/op %.0f req/s", name, row.Requests, 1000*micro, row.Throughput[i])
			if i < len(row.Latency) {
				fmt.Fprintf(w, " %.0f p99-ns", 1000*row.Latency[i].P99)
			}
			fmt.Fprintln(w)
		}
	}
	return nil
}
