package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/benchmarks/load"
	"github.com/wedgecdn/wedge/benchmarks/origin"
	"github.com/wedgecdn/wedge/benchmarks/rival"
)

// TestMain lets the test's own binary be the servers that are in this program.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && strings.HasPrefix(os.Args[1], "serve-") {
		if err := serveNamed(os.Args[1], os.Args[2:]); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func testBench(t *testing.T, servers ...string) *bench {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{self: self, rounds: 2, bodies: origin.NewBodies(1 << 20), serverCores: []int{0}, rivals: rival.All("", self), progress: t.Logf}
	if err := b.choose(strings.Join(servers, ",")); err != nil {
		t.Fatal(err)
	}
	return b
}

// What needs nothing installed is measured as everything is, shortly.
func TestRun(t *testing.T) {
	f := func(s Scenario, servers string) {
		t.Helper()
		names := strings.Split(servers, ",")
		rows, err := testBench(t, names...).run(&s)
		if err != nil || len(rows) != len(names) {
			t.Fatalf("%s: %d rows, %v", s.Name, len(rows), err)
		}
		for _, r := range rows {
			switch {
			case r.Reason != "":
				t.Errorf("%s: %s: %s", s.Name, r.Server, r.Reason)
			case len(r.CPU) != 2 || median(r.CPU) <= 0 || median(r.CPU) > 1e5 || len(r.Latency) != 2 || r.MemoryMB < 1 || r.quantile(func(l Latencies) float64 { return l.P50 }) <= 0:
				t.Errorf("%s: %+v", s.Name, r)
			}
		}
	}
	f(Scenario{Name: "hit", Kind: Hit, Class: "keep", Size: 1000, Objects: 3, Conns: 4, Requests: 400}, "bare")
	f(Scenario{Name: "open", Kind: Hit, Class: "keep", Size: 1000, Objects: 3, Conns: 4, Requests: 400, Open: true}, "bare")
	f(Scenario{Name: "ua", Kind: Hit, Class: "keep", Size: 1000, Objects: 1, Conns: 4, Requests: 400, Function: "ua"}, "bare")
	f(Scenario{Name: "miss", Kind: Miss, Class: "keep", Size: 1000, Conns: 4, Requests: 400}, "reverseproxy")
	f(Scenario{Name: "idle", Kind: Slow, Class: "keep", Size: 1000, Objects: 1, Conns: 4, Requests: 400}, "bare")
}

// A proxy that keeps nothing cannot pass for a cache: the origin's count gives it away.
func TestNoHits(t *testing.T) {
	b := testBench(t, "reverseproxy")
	s := Scenario{Name: "x", Kind: Miss, Class: "keep", Size: 100, Conns: 2, Requests: 20}
	v, err := b.start(&s, b.rivals[0])
	defer v.end()
	if err != nil {
		t.Fatal(err)
	}
	s.Kind, s.Objects = Hit, 1
	if err := b.warm(&s, v); err != nil {
		t.Fatal(err)
	}
	if err := b.closed(&s, v, 0); err == nil || !strings.Contains(err.Error(), "the origin saw 20") {
		t.Errorf("20 misses as hits: %v", err)
	}
	s.Function = "ua"
	if _, err := v.client.Closed(1, func(int) *load.Shot { return b.shot(&s, 1) }); err == nil || !strings.Contains(err.Error(), `X-Device is ""`) {
		t.Errorf("no function: %v", err)
	}
}

func TestResultFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "suite.json")
	r, err := readResult(name)
	if err != nil {
		t.Fatal(err)
	}
	r.Versions["bare"] = "1"
	r.replace("hit-1m", []Row{{Scenario: "hit-1m", Server: "bare", CPU: []float64{1, 2, 4}, Throughput: []float64{1, 1, 1}}})
	r.replace("hit-1k", []Row{{Scenario: "hit-1k", Server: "bare", Reason: "old"}})
	r.replace("hit-1k", []Row{{Scenario: "hit-1k", Server: "bare", Reason: "why"}, {Scenario: "hit-1k", Server: "nginx", CPU: []float64{2, 1, 8}, Throughput: []float64{500, 500, 500}, Latency: []Latencies{{P99: 9}}}})
	if err := r.write(name); err != nil {
		t.Fatal(err)
	}
	back, err := readResult(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Rows) != 3 || back.Rows[0].Reason != "why" || back.Rows[2].Scenario != "hit-1m" || back.Versions["bare"] != "1" {
		t.Errorf("%+v", back)
	}
	if v := ratio(back.Rows[1].CPU, back.Rows[2].CPU); v != 2 {
		t.Errorf("the median of 2, 0.5 and 2 is %v", v)
	}
	if err := report(filepath.Dir(name)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(name), "suite.txt"))
	if err != nil || !strings.Contains(string(text), "–  bare: why") {
		t.Errorf("%v\n%s", err, text)
	}
	html, err := os.ReadFile(filepath.Join(filepath.Dir(name), "suite.html"))
	if err != nil || !strings.Contains(string(html), "– bare: why") || strings.Count(string(html), "<rect") != 2 || strings.Contains(string(html), "NaN") {
		t.Errorf("%v\n%s", err, html)
	}
	var lines strings.Builder
	if err := benchstat(&lines, filepath.Dir(name), "nginx"); err != nil || !strings.HasPrefix(lines.String(), "Benchmarkhit_1k 0 2000 cpu-ns/op 500 req/s 9000 p99-ns\n") {
		t.Errorf("%v\n%s", err, &lines)
	}
}

// The README's table is that of the newest result.
func TestReadme(t *testing.T) {
	want, err := readme("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("README.md has not the table of the newest result: go run ./suite readme, in benchmarks")
	}
}

// A bound holds or not, by what the rows say, and what is not measured is not called good.
func TestTargets(t *testing.T) {
	f := func(rows []Row, wanted ...string) {
		t.Helper()
		var b strings.Builder
		writeTargets(&b, &Result{Rows: rows})
		for _, w := range wanted {
			if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), w) {
				t.Errorf("wanted %q in\n%s", w, &b)
			}
		}
	}
	row := func(scenario, server string, cpu ...float64) Row {
		return Row{Scenario: scenario, Server: server, CPU: cpu}
	}
	f(nil, "hit-1k: wedge / bare ≤ 1.1× – not measured", "0 of 16 hold, 0 fall short, 0 of them by more than 1.5: 16 bounds are not measured")
	f([]Row{row("hit-1k", "wedge", 11, 12, 10), row("hit-1k", "bare", 10, 10, 10)}, "hit-1k: wedge / bare ≤ 1.1× 1.1× yes 11 and 10 µs", "1 of 16 hold")
	f([]Row{row("hit-1m", "wedge", 10), row("hit-1m", "nginx", 10)}, "hit-1m: wedge / nginx < 1× 1× no, by 1.00", "1 fall short, 0 of them")
	f([]Row{row("ua", "wedge/c", 20), row("ua", "workerd", 60)}, "no, by 2.00", "1 fall short, 1 of them")
	f([]Row{{Scenario: "miss", Server: "wedge", Reason: "broken"}, row("miss", "nginx", 10)}, "miss: wedge / nginx ≤ 1.3× – not measured")
	tail := func(server string, ms ...float64) Row {
		r := Row{Scenario: "hit-1k", Server: server, Rate: 1, CPU: []float64{1}}
		for _, v := range ms {
			r.Latency = append(r.Latency, Latencies{P999: v * 1000})
		}
		return r
	}
	f([]Row{tail("wedge", 1, 5, 9), tail("nginx", 2, 3, 4, 6)}, "upper quartile ≤ 1× 1.25× no, by 1.25 5.0 and 4.0 ms (median 3.5)")
}

// What h2load says is believed only if all of it fits.
func TestH2load(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("1\t200\t150\n2\t200\t250\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const out = "Application protocol: h2\nfinished in 125.08ms, 383.76 req/s, 191.51KB/s\nstatus codes: 2 2xx, 0 3xx, 0 4xx, 0 5xx\n" +
		"traffic: 23.95KB (24528) total, 1.16KB (1184) headers (space savings 81.73%), 13.92KB (2000) data\n"
	f := func(from, to string, n int, complaint string) {
		t.Helper()
		r, err := readH2load(strings.Replace(out, from, to, 1), log, n, 1000, "http2")
		if complaint == "" && (err != nil || r.Requests != n || r.Took.Microseconds() != 125080 || r.Latency.Max.Microseconds() != 250) || complaint != "" && (err == nil || !strings.Contains(err.Error(), complaint)) {
			t.Errorf("%+v, %v, wanted %q", r, err, complaint)
		}
	}
	f("", "", 2, "")
	f("2 2xx", "1 2xx", 2, "1 of 2 requests")
	f("(2000) data", "(1999) data", 2, "1999 bytes of 2000")
	f("protocol: h2\n", "protocol: http/1.1\n", 2, "not by h2")
	f("finished in", "began in", 2, "no time")
	f("2 2xx", "3 2xx", 3, "2000 bytes of 3000")
}
