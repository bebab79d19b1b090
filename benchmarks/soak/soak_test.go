package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// On the build server it is a minute, else some seconds; the hour is for the command.
func TestSoak(t *testing.T) {
	how := Options{For: 6 * time.Second, Clients: 4, Log: t.Logf, Wedge: filepath.Join(t.TempDir(), "wedge")}
	if os.Getenv("WEDGE_REQUIRE_ALL") == "1" {
		how.For, how.Clients = 50*time.Second, 8
	}
	if err := build(how.Wedge); err != nil {
		t.Fatal(err)
	}
	r, err := Soak(t.Context(), t.TempDir(), how)
	if r != nil {
		t.Log(r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerdict(t *testing.T) {
	good := func() *Report {
		r := &Report{Requests: map[string]int{}, Faults: 1}
		for _, kind := range []string{"keep", "function", "brief", "stale", "vary", "pass", "slow", "error", "cut", "reset", "range", "head", "abandoned", "loop", "trap"} {
			r.Requests[kind] = 1
		}
		for range 40 {
			r.Samples = append(r.Samples, Sample{100 << 20, 50})
		}
		return r
	}
	f := func(change func(*Report), complaint string) {
		t.Helper()
		r := good()
		change(r)
		err := r.verdict()
		if complaint == "" && err != nil || complaint != "" && (err == nil || !strings.Contains(err.Error(), complaint)) {
			t.Errorf("%v, wanted %q", err, complaint)
		}
	}
	f(func(*Report) {}, "")
	f(func(r *Report) { r.WrongCount, r.Wrong = 1, []string{"x"} }, "wrong")
	f(func(r *Report) { delete(r.Requests, "range") }, "range")
	f(func(r *Report) { r.Faults = 0 }, "no fault")
	f(func(r *Report) { r.Samples = r.Samples[:8] }, "too few")
	f(func(r *Report) {
		for i := range r.Samples {
			r.Samples[i].Memory += int64(i) << 20
		}
	}, "")
	f(func(r *Report) {
		for i := range r.Samples {
			r.Samples[i].Memory += int64(i) << 21
		}
	}, "memory grows")
	f(func(r *Report) {
		for i := range r.Samples {
			r.Samples[i].Goroutines += 2 * i
		}
	}, "goroutines grow")
}
