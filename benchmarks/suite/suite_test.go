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
	r.replace("hit-1m", []Row{{Scenario: "hit-1m", Server: "bare", CPU: []float64{1, 2, 4}}})
	r.replace("hit-1k", []Row{{Scenario: "hit-1k", Server: "bare", Reason: "old"}})
	r.replace("hit-1k", []Row{{Scenario: "hit-1k", Server: "bare", Reason: "why"}, {Scenario: "hit-1k", Server: "nginx", CPU: []float64{2, 1, 8}}})
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
	if err := benchstat(&lines, filepath.Dir(name), "nginx"); err != nil || !strings.HasPrefix(lines.String(), "Benchmarkhit_1k 0 2000 cpu-ns/op\n") {
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
