package cases_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
	"github.com/wedgecdn/wedge/hostapi/journal"
	"github.com/wedgecdn/wedge/hostapi/replay"
)

// rounds is how often each conversation is gone through where WEDGE_PROOF is 1, so that there are a thousand exchanges in all.
const rounds = 10

// What the examples and templates did on a node, in each of the languages in which they are written, they do again to the bit and the unit of fuel,
// compiled and interpreted. Each run of the tests does it for a few, WEDGE_PROOF=1 for all, a thousand exchanges and more.
func TestReplayOfTheExamples(t *testing.T) {
	withAssemblyScript(t)
	proof := os.Getenv("WEDGE_PROOF") != ""
	var exchanges, hooks, guests, all int
	in := map[project.Language]int{}
	f := func(name string, l project.Language, conversation string, build func(t *testing.T) []byte) {
		all++
		t.Run(name+"/"+string(l), func(t *testing.T) {
			c, err := cases.Parse(string(read(t, conversation)))
			if err != nil {
				t.Fatal(err)
			}
			if proof {
				if c, err = cases.Parse(again(c.String(), rounds)); err != nil {
					t.Fatal(err)
				}
			}
			module := build(t)
			var file bytes.Buffer
			if _, err := c.Run(t.Context(), cases.Options{Name: name, Module: module, Recording: &file}); err != nil {
				t.Fatal(err)
			}
			x, h := replayed(t, file.Bytes(), false)
			xi, hi := replayed(t, file.Bytes(), true)
			if x == 0 || x != xi || h != hi {
				t.Errorf("%d exchanges and %d hooks compiled, %d and %d interpreted", x, h, xi, hi)
			}
			t.Logf("%d exchanges, %d hooks", x, h)
			exchanges, hooks, guests = exchanges+x, hooks+h, guests+1
			in[l] += x
		})
	}
	for _, name := range exampleNames(t) {
		if proof { // edge/demo replays functions in Go each time
			f(name, project.Go, conversationOf(name), func(t *testing.T) []byte { return inGo(t, filepath.Join(examples, name)) })
		}
		for _, l := range []project.Language{project.C, project.AssemblyScript, project.Rust} {
			folder := filepath.Join(examples, name, string(l))
			if _, err := os.Stat(folder); err != nil || !proof && (l != project.C || name != "signed-urls") {
				continue
			}
			f(name, l, conversationOf(name), func(t *testing.T) []byte { return inProject(t, l, "blank", folder) })
		}
	}
	for _, name := range project.Templates() {
		for _, l := range []project.Language{project.C, project.AssemblyScript, project.Rust, project.Go} {
			if proof || l == project.C && name == "rate-limit" {
				f(name, l, filepath.Join("..", "project", "templates", name, "function.cases"), func(t *testing.T) []byte { return inProject(t, l, name, "") })
			}
		}
	}
	t.Logf("%d exchanges (%v), %d hooks of %d guests, on two engines", exchanges, in, hooks, guests)
	if proof && guests == all && exchanges < 1000 { // or -run has left some out
		t.Errorf("%d exchanges, want 1000", exchanges)
	}
}

// again is a conversation whose requests come n times, a second apart, with what the origin answers to them.
func again(text string, n int) string {
	at := strings.Index(text, "-- request --")
	if i := strings.Index(text, "-- origin --"); i >= 0 && i < at {
		at = i
	}
	given, talk := text[:at], text[at:]
	var once strings.Builder // without times of day, of which none comes twice
	skip := false
	for line := range strings.Lines(talk) {
		if strings.HasPrefix(line, "-- ") {
			skip = strings.HasPrefix(line, "-- at ")
		}
		if !skip {
			once.WriteString(line)
		}
	}
	return given + talk + strings.Repeat("-- after 1s --\n"+once.String(), n-1)
}

func inGo(t *testing.T, dir string) []byte {
	t.Helper()
	module := filepath.Join(t.TempDir(), "function.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", module, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return read(t, module)
}

// inProject is what a project of that template is built to, with the files of a folder over its own.
func inProject(t *testing.T, l project.Language, template, over string) []byte {
	t.Helper()
	var missing *project.MissingError
	if err := project.Toolchain(l, ""); errors.As(err, &missing) {
		t.Skipf("%s: run .ci/tools", missing)
	}
	dir := filepath.Join(t.TempDir(), "function")
	if _, err := project.New(dir, project.Options{Language: l, Template: template}); err != nil {
		t.Fatal(err)
	}
	if over != "" {
		if err := os.CopyFS(filepath.Join(dir, "over"), os.DirFS(over)); err != nil {
			t.Fatal(err)
		}
		err := filepath.WalkDir(filepath.Join(dir, "over"), func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(filepath.Join(dir, "over"), name)
			return errors.Join(err, os.Rename(name, filepath.Join(dir, rel)))
		})
		if err := errors.Join(err, os.RemoveAll(filepath.Join(dir, "over"))); err != nil {
			t.Fatal(err)
		}
	}
	p, err := project.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	built, err := p.Build(t.Context(), project.BuildOptions{Plain: true})
	if compile := (*project.CompileError)(nil); errors.As(err, &compile) {
		t.Fatalf("%v\n%s", err, compile.Text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return built.Module
}

// replayed runs all of a file and compares.
func replayed(t *testing.T, file []byte, interpreter bool) (exchanges, hooks int) {
	t.Helper()
	p, err := replay.New(replay.Options{Interpreter: interpreter})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := journal.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		x, err := r.Next()
		if errors.Is(err, io.EOF) {
			return exchanges, hooks
		}
		if err != nil {
			t.Fatal(err)
		}
		exchanges++
		if len(x.Runs) == 0 {
			t.Errorf("%s %s: no function ran", x.Method, x.URL)
		}
		for _, run := range x.Runs {
			if run.Cut != "" {
				t.Fatalf("%s: %s", x.URL, run.Cut)
			}
			got, err := p.Run(t.Context(), x, run, r.Code(run.Version))
			if err != nil {
				t.Fatalf("%s: %v", x.URL, err)
			}
			hooks += len(got.Steps)
			for _, d := range replay.Compare(run, got) {
				t.Fatalf("%s %s: %s: - recorded, + came\n%s", x.Method, x.URL, d.Hook, cases.Difference(d.Want, d.Got))
			}
		}
	}
}
