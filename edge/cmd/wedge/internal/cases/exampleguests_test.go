package cases_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
)

// An exampleIn is an example in another language than Go, in a folder of its own whose files take the place of those of a new project.
type exampleIn struct {
	name     string
	language project.Language
}

func (e exampleIn) String() string { return e.name + "/" + string(e.language) }

func (e exampleIn) folder() string { return filepath.Join(examples, e.name, string(e.language)) }

func examplesInOthers(t *testing.T) (list []exampleIn) {
	t.Helper()
	for _, name := range exampleNames(t) {
		for _, l := range []project.Language{project.Rust, project.AssemblyScript, project.C} {
			e := exampleIn{name, l}
			if _, err := os.Stat(e.folder()); err == nil {
				list = append(list, e)
			}
		}
	}
	if len(list) == 0 {
		t.Fatal("no example is in another language than Go")
	}
	return list
}

// files are the example's, by their names in its folder.
func (e exampleIn) files(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(e.folder(), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(e.folder(), name)
		files[rel] = string(read(t, name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// lines are those of the function, without comments and tests.
func (e exampleIn) lines(t *testing.T) (n int) {
	for name, text := range e.files(t) {
		if strings.HasSuffix(name, "_test.c") {
			continue
		}
		text, _, _ = strings.Cut(text, "#[cfg(test)]")
		inside := false
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			switch {
			case inside:
				inside = !strings.Contains(line, "*/")
			case line == "", strings.HasPrefix(line, "//"):
			case strings.HasPrefix(line, "/*"):
				inside = !strings.Contains(line, "*/")
			default:
				n++
			}
		}
	}
	return n
}

// A workshop has one project for each language, so that what is the same for all examples is compiled once.
type workshop struct {
	projects map[project.Language]*project.Project
	builders map[project.Language]*project.Builder
	placed   map[project.Language][]string
}

func newWorkshop(t *testing.T) *workshop {
	withAssemblyScript(t)
	w := &workshop{map[project.Language]*project.Project{}, map[project.Language]*project.Builder{}, map[project.Language][]string{}}
	t.Cleanup(func() {
		for _, b := range w.builders {
			b.Close()
		}
		for _, p := range w.projects {
			os.RemoveAll(filepath.Dir(p.Dir))
		}
	})
	return w
}

// place puts an example's files into the project of its language.
func (w *workshop) place(t *testing.T, e exampleIn) *project.Project {
	t.Helper()
	var missing *project.MissingError
	if err := project.Toolchain(e.language, ""); errors.As(err, &missing) {
		t.Skipf("%s: run .ci/tools", missing)
	}
	p := w.projects[e.language]
	if p == nil {
		dir, err := os.MkdirTemp("", "example-*")
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(dir, "example")
		if _, err := project.New(dir, project.Options{Language: e.language}); err != nil {
			t.Fatal(err)
		}
		if p, err = project.Open(dir); err != nil {
			t.Fatal(err)
		}
		w.projects[e.language], w.builders[e.language] = p, project.NewBuilder(p)
	}
	for _, name := range w.placed[e.language] {
		os.Remove(filepath.Join(p.Dir, name)) // the example before
	}
	w.placed[e.language] = nil
	for name, text := range e.files(t) {
		w.placed[e.language] = append(w.placed[e.language], name)
		if err := os.WriteFile(filepath.Join(p.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// The examples in other languages than Go give the same bytes as those in Go, and spend no more fuel than the gallery says; twice that, unless
// WEDGE_PROOF is 1.
func TestExamplesGiveTheSameBytes(t *testing.T) {
	proof := os.Getenv("WEDGE_PROOF") != ""
	w := newWorkshop(t)
	for _, e := range examplesInOthers(t) {
		if !proof && !*rewrite && (raced || e.name != "signed-urls" && e.language != project.C) {
			continue
		}
		t.Run(e.String(), func(t *testing.T) {
			w.place(t, e)
			built, err := w.builders[e.language].Build(t.Context(), project.BuildOptions{Plain: true})
			if compile := (*project.CompileError)(nil); errors.As(err, &compile) {
				t.Fatalf("%v\n%s", err, compile.Text)
			}
			if err != nil {
				t.Fatal(err)
			}
			text, most := string(read(t, conversationOf(e.name))), galleryFuel(t, e)
			switch {
			case *rewrite:
				most = 1
			case !proof:
				most *= 2 // the compiler here may be another one
			}
			// The bound in the file is that of Go.
			text = strings.Replace(text, fuel.FindString(text), fmt.Sprintf("-- fuel at most %d --", most), 1)
			want, err := cases.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := want.Run(t.Context(), cases.Options{Name: e.name, Module: built.Module})
			if err != nil {
				t.Fatal(err)
			}
			if spent := fuel.FindStringSubmatch(got.String()); *rewrite && spent != nil {
				n, _ := strconv.Atoi(spent[1])
				setGalleryFuel(t, e, roundUp(n))
				text = strings.Replace(text, fuel.FindString(text), spent[0], 1)
			}
			if d := cases.Difference(text, got.String()); d != "" {
				t.Errorf("%s, - wanted, + came:\n%s", e, d)
			}
		})
	}
}

// The tests that stand beside the examples in Rust and C pass natively, without a node.
func TestExamplesNatively(t *testing.T) {
	w := newWorkshop(t)
	run := func(t *testing.T, dir, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	library := ""
	for _, e := range examplesInOthers(t) {
		texts := e.files(t)
		switch {
		case e.language == project.C && texts["main_test.c"] != "":
			t.Run(e.String(), func(t *testing.T) {
				p := w.place(t, e)
				cc, err := exec.LookPath("cc")
				if err != nil {
					t.Skip("needs a compiler for C: run .ci/tools")
				}
				run(t, p.Dir, cc, "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-Isdk/wedge", "-o", "main_test", "main_test.c")
				run(t, p.Dir, "./main_test")
			})
		case e.language == project.Rust && os.Getenv("WEDGE_PROOF") != "" && strings.Contains(texts[filepath.Join("src", "lib.rs")], "#[cfg(test)]"):
			t.Run(e.String(), func(t *testing.T) {
				p := w.place(t, e)
				if library == "" {
					library = "libwedge.rlib"
					run(t, p.Dir, "rustc", "--edition=2021", "-Cdebuginfo=0", "--crate-type=rlib", "--crate-name=wedge", "-o", library, "sdk/wedge/src/lib.rs")
				}
				run(t, p.Dir, "rustc", "--edition=2021", "-Dwarnings", "-Cdebuginfo=0", "--test", "--extern=wedge="+library, "-o", "lib_test", "src/lib.rs")
				run(t, p.Dir, "./lib_test")
			})
		}
	}
}

// otherRows are the gallery's rows of examples in other languages than Go. The fuel is what the README says already: it is a bound, that another version
// of a compiler may keep to as well.
func otherRows(t *testing.T, readme string) string {
	var b strings.Builder
	b.WriteString("| example | in | lines | fuel of a request, at most |\n|---|---|---:|---:|\n")
	for _, e := range examplesInOthers(t) {
		row := rowOf(e).FindStringSubmatch(readme)
		if row == nil {
			row = []string{"", "", "0"}
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %d | %s |\n", e.name, e.name+"/"+string(e.language), e.language, e.lines(t), row[2])
	}
	return b.String()
}

// rowOf finds an example's row; the second group is the fuel.
func rowOf(e exampleIn) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(\| \[` + e.name + `\]\([^)]*\) \| ` + e.language.String() + ` \| \d+ \| )([\d ]+)( \|)$`)
}

func galleryFuel(t *testing.T, e exampleIn) int {
	t.Helper()
	row := rowOf(e).FindStringSubmatch(string(read(t, filepath.Join(examples, "README.md"))))
	if row == nil {
		t.Fatalf("the gallery has no row for %s: go test ./edge/cmd/wedge/internal/cases -run 'Gallery|SameBytes' -rewrite", e)
	}
	n, err := strconv.Atoi(strings.ReplaceAll(row[2], " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func setGalleryFuel(t *testing.T, e exampleIn, most int) {
	t.Helper()
	name := filepath.Join(examples, "README.md")
	text := rowOf(e).ReplaceAllString(string(read(t, name)), "${1}"+thousands(most)+"${3}")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// roundUp leaves some room, and two digits.
func roundUp(n int) int {
	n += n / 10
	unit := 1
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit - 1) / unit * unit
}
