// Command tally reads what go test -json prints, shows what a person wants to see of it, and counts.
//
// It prints go test's own line for each package, the output of tests that failed, the reason of each that was
// skipped, and at the end how many there were. It fails if a test failed, if a package did not build, if there was
// no test at all, and, when WEDGE_REQUIRE_ALL is 1, if one was skipped: a test that never runs proves nothing.
// Only .ci/test calls it.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	each := flag.Bool("each", false, "print a line for every test that passed")
	totals := flag.String("totals", "", "write the last line to this file as well")
	flag.Parse()
	t := &tally{out: os.Stdout, each: *each, strict: os.Getenv("WEDGE_REQUIRE_ALL") == "1"}
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "tally: error:", err)
		os.Exit(1)
	}
	sum := t.sum()
	fmt.Println(sum)
	if *totals != "" {
		if err := os.WriteFile(*totals, []byte(sum+"\n"), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "tally: error:", err)
			os.Exit(1)
		}
	}
	if !t.good() {
		os.Exit(1)
	}
}

// An event is a line of go test -json: see "go doc test2json".
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// A test is named by its package and its name.
type test struct{ pkg, name string }

// A tally counts events. Tests are counted with their subtests, as go test -v shows them.
type tally struct {
	out    io.Writer
	each   bool // a line for each test that passed
	strict bool // skipped is failed

	passed, failed, skipped, packages int
	broken                            int // packages that failed by themselves: did not build, or ended early
	output                            map[test][]string
	failures                          map[string]int // failed tests of a package
}

// read takes all events of r. Lines that are no events are passed on: they come from go itself.
func (t *tally) read(r io.Reader) error {
	t.output, t.failures = map[test][]string{}, map[string]int{}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				fmt.Fprintln(t.out, strings.TrimSuffix(line, "\n"))
			} else {
				t.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *tally) take(e event) {
	id := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(t.out, e.Output)
	case "output":
		t.output[id] = append(t.output[id], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.takePackage(e)
		} else {
			t.takeTest(e)
		}
		delete(t.output, id)
	}
}

func (t *tally) takeTest(e event) {
	lines := t.output[test{e.Package, e.Test}]
	switch e.Action {
	case "pass":
		t.passed++
		if t.each {
			t.print(lines, isVerdict)
		}
	case "fail":
		t.failed++
		t.failures[e.Package]++
		t.print(lines, isNews)
	case "skip":
		if top, _, sub := strings.Cut(e.Test, "/"); sub && strings.HasPrefix(top, "Fuzz") {
			t.passed++ // a seed that the target has nothing to say about
			return
		}
		t.skipped++
		t.print(lines, isNews)
	}
}

func (t *tally) takePackage(e event) {
	t.packages++
	lines := t.output[test{e.Package, ""}]
	if e.Action == "fail" && t.failures[e.Package] == 0 {
		// No test says why: it did not build, or a panic or os.Exit ended it. Then its output does, and that of the
		// tests that were running.
		t.broken++
		for id, running := range t.output {
			if id.pkg == e.Package && id.name != "" {
				t.print(running, isNews)
			}
		}
	}
	if e.Action == "fail" {
		t.print(lines, isNews)
		return
	}
	t.print(lines, func(line string) bool { return strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ") })
}

func (t *tally) print(lines []string, wanted func(string) bool) {
	for _, line := range lines {
		if wanted(line) {
			fmt.Fprint(t.out, line)
		}
	}
}

// isVerdict finds the line of a test that has its result.
func isVerdict(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " "), "--- ") }

// isNews leaves out the lines that only say that a test goes on.
func isNews(line string) bool { return !strings.HasPrefix(line, "=== ") && line != "PASS\n" }

// good says whether the whole run is.
func (t *tally) good() bool {
	return t.failed == 0 && t.broken == 0 && t.passed > 0 && (t.skipped == 0 || !t.strict)
}

// sum is the last line.
func (t *tally) sum() string {
	s := fmt.Sprintf("tests: %d passed, %d failed, %d skipped, %d packages", t.passed, t.failed, t.skipped, t.packages)
	if t.broken > 0 {
		s += fmt.Sprintf(", %d of them broken", t.broken)
	}
	if t.strict && t.skipped > 0 {
		s += "; WEDGE_REQUIRE_ALL=1 lets none be skipped"
	}
	return s
}
