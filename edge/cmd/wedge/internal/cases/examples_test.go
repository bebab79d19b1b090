package cases_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
)

const examples = "../../../../../examples"

// alwaysExamples are the examples that each run of the tests holds against their conversations; all are if WEDGE_PROOF is 1.
var alwaysExamples = []string{"fetch-aggregate", "signed-urls"}

// The examples do on a whole node what their conversations say.
func TestExamples(t *testing.T) {
	for _, name := range exampleNames(t) {
		if os.Getenv("WEDGE_PROOF") == "" && (raced || !slices.Contains(alwaysExamples, name)) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			module := filepath.Join(t.TempDir(), "function.wasm")
			cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", module, ".")
			cmd.Dir = filepath.Join(examples, name)
			cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("go build: %v\n%s", err, out)
			}
			code, err := os.ReadFile(module)
			if err != nil {
				t.Fatal(err)
			}
			want, err := cases.Parse(string(read(t, conversationOf(name))))
			if err != nil {
				t.Fatal(err)
			}
			got, err := want.Run(t.Context(), cases.Options{Name: name, Module: code})
			if err != nil {
				t.Fatal(err)
			}
			if d := cases.Difference(want.String(), got.String()); d != "" {
				t.Errorf("- wanted, + came:\n%s", d)
			}
		})
	}
}

func conversationOf(example string) string {
	return filepath.Join(examples, example, "function.cases")
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// exampleNames are the examples that are functions.
func exampleNames(t *testing.T) (names []string) {
	t.Helper()
	mains, err := filepath.Glob(filepath.Join(examples, "*", "main.go"))
	if err != nil || len(mains) == 0 {
		t.Fatal("no examples", err)
	}
	for _, m := range mains {
		names = append(names, filepath.Base(filepath.Dir(m)))
	}
	return names
}

var fuel = regexp.MustCompile(`(?m)^-- fuel at most (\d+) --$`)

// The gallery's table has a row for each example, whose lines and fuel are those that its files say. Go writes the same code on each machine, so the
// fuel of a call is a number of the example, and the conversation bounds it.
func TestGallery(t *testing.T) {
	readme := string(read(t, filepath.Join(examples, "README.md")))
	const begin, end = "<!-- gallery: go test ./edge/cmd/wedge/internal/cases -run TestGallery -rewrite -->\n", "<!-- /gallery -->\n"
	head, rest, ok := strings.Cut(readme, begin)
	_, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatal("examples/README.md has no gallery")
	}
	var b strings.Builder
	b.WriteString("| example | hooks | lines | fuel of a request, at most | |\n|---|---|---:|---:|---|\n")
	for _, name := range exampleNames(t) {
		sources, err := filepath.Glob(filepath.Join(examples, name, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		var hooks []string
		for _, s := range sources {
			if strings.HasSuffix(s, "_test.go") {
				continue
			}
			text := string(read(t, s))
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
					lines++
				}
				if hook, is := strings.CutPrefix(line, "//go:wasmexport "); is {
					hooks = append(hooks, "`"+hook+"`")
				}
			}
		}
		bound := fuel.FindSubmatch(read(t, conversationOf(name)))
		if bound == nil {
			t.Fatalf("%s: the conversation bounds no request's fuel", name)
		}
		most, err := strconv.Atoi(string(bound[1]))
		if err != nil {
			t.Fatal(err)
		}
		about := firstSentence(string(read(t, filepath.Join(examples, name, "README.md"))))
		fmt.Fprintf(&b, "| [%s](%s/README.md) | %s | %d | %s | %s |\n", name, name, strings.Join(hooks, " "), lines, thousands(most), about)
	}
	b.WriteString("\nThe same in other languages, with the same bytes:\n\n" + otherRows(t, readme))
	want := head + begin + b.String() + end + tail
	if *rewrite {
		if err := os.WriteFile(filepath.Join(examples, "README.md"), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cases.Difference(want, readme); d != "" {
		t.Errorf("examples/README.md is old, - wanted: run go test ./edge/cmd/wedge/internal/cases -run TestGallery -rewrite\n%s", d)
	}
}

// firstSentence is the first sentence below a page's heading.
func firstSentence(page string) string {
	_, text, _ := strings.Cut(page, "\n\n")
	text, _, _ = strings.Cut(text, "\n\n")
	text = strings.ReplaceAll(text, "\n", " ")
	if sentence, _, more := strings.Cut(text, ". "); more {
		return sentence + "."
	}
	return text
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
