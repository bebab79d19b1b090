package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	type verdict struct {
		strict, good bool
		sum, shown   string
	}
	// events in short: "pass TestX", "output TestX text", "fail" for the package
	f := func(events string, want verdict) {
		t.Helper()
		var in, out strings.Builder
		for line := range strings.Lines(events) {
			word := strings.SplitN(strings.TrimSpace(line), " ", 3)
			e := event{Action: word[0], Package: "p"}
			if len(word) > 1 && word[1] != "-" {
				e.Test = word[1]
			}
			if len(word) > 2 {
				e.Output = word[2] + "\n"
			}
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			in.Write(append(b, '\n'))
		}
		c := &tally{out: &out, strict: want.strict}
		if err := c.read(strings.NewReader(in.String())); err != nil {
			t.Fatal(err)
		}
		if c.good() != want.good || c.sum() != want.sum || out.String() != want.shown {
			t.Errorf("%s\ngot  %v %q %q\nwant %v %q %q", events, c.good(), c.sum(), out.String(), want.good, want.sum, want.shown)
		}
	}

	f("run TestX\noutput TestX === RUN\npass TestX\noutput - PASS\noutput - ok  p 0.1s\npass",
		verdict{good: true, sum: "tests: 1 passed, 0 failed, 0 skipped, 1 packages", shown: "ok  p 0.1s\n"})
	f("output TestX x_test.go:1: wrong\nfail TestX\noutput - FAIL p\nfail",
		verdict{sum: "tests: 0 passed, 1 failed, 0 skipped, 1 packages", shown: "x_test.go:1: wrong\nFAIL p\n"})
	f("pass TestX\noutput TestY y_test.go:1: needs git\nskip TestY\npass",
		verdict{good: true, sum: "tests: 1 passed, 0 failed, 1 skipped, 1 packages", shown: "y_test.go:1: needs git\n"})
	f("pass TestX\nskip TestY\npass",
		verdict{strict: true, sum: "tests: 1 passed, 0 failed, 1 skipped, 1 packages; WEDGE_REQUIRE_ALL=1 lets none be skipped"})
	f("pass FuzzX\nskip FuzzX/seed#0\npass",
		verdict{strict: true, good: true, sum: "tests: 2 passed, 0 failed, 0 skipped, 1 packages"})
	f("build-output - x.go:1: undefined\nfail",
		verdict{sum: "tests: 0 passed, 0 failed, 0 skipped, 1 packages, 1 of them broken", shown: "x.go:1: undefined\n"})
	f("pass TestX\noutput TestY panic: at the disco\noutput - FAIL p\nfail",
		verdict{sum: "tests: 1 passed, 0 failed, 0 skipped, 1 packages, 1 of them broken", shown: "panic: at the disco\nFAIL p\n"})
	f("output - ?  p [no test files]\nskip",
		verdict{sum: "tests: 0 passed, 0 failed, 0 skipped, 1 packages", shown: "?  p [no test files]\n"})
}

func TestTallyPassesOnWhatIsNoEvent(t *testing.T) {
	var out strings.Builder
	c := &tally{out: &out}
	if err := c.read(strings.NewReader("go: downloading\n{\"not\": \"an event\"}\nlast")); err != nil {
		t.Fatal(err)
	}
	if want := "go: downloading\n{\"not\": \"an event\"}\nlast\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestTallyPrintsEachTest(t *testing.T) {
	var out strings.Builder
	c := &tally{out: &out, each: true}
	in := `{"Action":"output","Package":"p","Test":"TestX","Output":"=== RUN   TestX\n"}
{"Action":"output","Package":"p","Test":"TestX","Output":"    x_test.go:3: by the way\n"}
{"Action":"output","Package":"p","Test":"TestX","Output":"--- PASS: TestX (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestX"}
`
	if err := c.read(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if want := "--- PASS: TestX (0.00s)\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
