package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repo is the root of the tree.
const repo = "../../.."

// heldElsewhere are the pages whose blocks other tests hold: made from types and tables, and compared with them.
var heldElsewhere = map[string]struct{ file, test string }{
	"edge/docs/cli.md":         {"edge/cmd/wedge/reference_test.go", "TestReference"},
	"hostapi/abi/REFERENCE.md": {"hostapi/abi/gen/gen_test.go", "TestGeneratedFilesAreCurrent"},
}

// pictures are how many blocks a page has that are no code: a drawing, or the form of something. They begin with ```diagram.
var pictures = map[string]int{"edge/docs/life-of-a-request.md": 1}

// TestDocs does what pages say, each in a folder of its own, from the first code block to the last:
//
//	console        is typed: what stands behind "$ ", and its output must be what follows, where "…" is whatever comes
//	yaml FILE      is written to the file, and must be a right configuration
//	LANGUAGE FILE  is written to the file, or in its place; a program is compiled where a command builds it
//	tour           is what edge/demo compares with a tour
//	diagram        is a picture, and counted
//
// Nodes, which a page starts with "wedge serve &", listen elsewhere than the page says, so that tests do not meet; an origin stands behind port 9000, and
// answers with what a page has written into the folder origin. What would take long, such as make, is only asked what it would do, unless
// WEDGE_PROOF is 1.
func TestDocs(t *testing.T) {
	for name, text := range documents(t) {
		blocks := blocksOf(t, name, text)
		if len(blocks) == 0 || heldElsewhere[name].test != "" {
			continue
		}
		t.Run(strings.TrimSuffix(name, ".md"), func(t *testing.T) {
			if raced {
				t.Skip("compilers and modules of Go take half a minute under the race detector")
			}
			r := newReader(t)
			prepare(r, name, blocks)
			for _, b := range blocks {
				if r.do(b); t.Failed() {
					return
				}
			}
		})
	}
}

// TestEveryBlockIsHeld is the rule that no page of the tree has a block of which no test knows what it is.
func TestEveryBlockIsHeld(t *testing.T) {
	held := 0
	drawn := map[string]int{}
	for name, text := range documents(t) {
		for _, b := range blocksOf(t, name, text) {
			if complaint := b.complaint(name); complaint != "" {
				t.Errorf("%s:%d: %s", name, b.line, complaint)
			}
			if held++; b.word == "diagram" {
				drawn[name]++
			}
		}
	}
	for name, n := range drawn {
		if pictures[name] != n {
			t.Errorf("%s has %d blocks that are called diagrams, of %d: code is executed or compiled", name, n, pictures[name])
		}
	}
	for name, n := range pictures {
		if drawn[name] != n {
			t.Errorf("%s: %d diagrams, want %d", name, drawn[name], n)
		}
	}
	for name, by := range heldElsewhere {
		b, err := os.ReadFile(filepath.Join(repo, by.file))
		if err != nil || !strings.Contains(string(b), "func "+by.test+"(t *testing.T)") {
			t.Errorf("%s is held by %s of %s, which is not there: %v", name, by.test, by.file, err)
		}
	}
	if held < 100 {
		t.Errorf("%d blocks in all: the pages are not found", held)
	}
	t.Logf("%d blocks", held)

	// A test that cannot fail would be none.
	f := func(name, text, want string) {
		t.Helper()
		got := ""
		for _, b := range blocksOf(t, name, text) {
			got += b.complaint(name)
		}
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	f("a.md", "```\n$ wedge\n```\n", "no word says")
	f("a.md", "```sh\nwedge\n```\n", `"sh" without a file`)
	f("a.md", "```yaml\na: b\n```\n", `"yaml" without a file`)
	f("a.md", "```console\n$ wedge\n```\n", "")
	f("a.md", "```rust src/lib.rs\n//\n```\n", "")
	f("a.md", "```tour\n```\n", "README.md alone")
	f("a.md", "```console x\n$ a\n```\n", "a console has no file")
	f("a.md", "~~~\n$ a\n~~~\n", "begin with ```")
	f("a.md", "- a\n  ```\n  $ a\n  ```\n", "begin with ```")
	f("edge/docs/cli.md", "```\nwedge\n```\n", "")
}

// A block is a piece of code of a page.
type block struct {
	line       int
	word, file string
	body       string
}

// complaint says why no test holds the block; "" if one does.
func (b block) complaint(page string) string {
	switch {
	case b.word == "~":
		return "fences begin with ```, at the beginning of a line"
	case heldElsewhere[page].test != "":
		return ""
	case b.word == "":
		return "no word says what this block is: console, yaml FILE, go FILE, … or diagram, see TestDocs"
	case b.word == "console", b.word == "diagram":
		if b.file != "" {
			return "a " + b.word + " has no file"
		}
	case b.word == "tour":
		if page != "README.md" {
			return "edge/demo compares the tour of README.md alone"
		}
	case b.file == "":
		return fmt.Sprintf("a block of %q without a file is neither compiled nor executed: name the file that TestDocs is to write, or make it a console", b.word)
	}
	return ""
}

var (
	fence      = regexp.MustCompile("(?ms)^```([a-z]*)(?: ([^\n]+))?\n(.*?)^```$")
	otherFence = regexp.MustCompile("(?m)^([ \t]+```|[ \t]*~~~)")
)

func blocksOf(t *testing.T, name, text string) (all []block) {
	t.Helper()
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		b := block{line: strings.Count(text[:m[0]], "\n") + 1, word: text[m[2]:m[3]], body: text[m[6]:m[7]]}
		if m[4] >= 0 {
			b.file = text[m[4]:m[5]]
		}
		all = append(all, b)
	}
	rest := fence.ReplaceAllString(text, "")
	for range otherFence.FindAllString(rest, -1) {
		all = append(all, block{word: "~"})
	}
	if strings.Contains(rest, "\n```") {
		t.Errorf("%s: a block that is not closed, or whose fence is not plain", name)
	}
	return all
}

// documents are the pages of the tree.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	err := fs.WalkDir(os.DirFS(repo), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := path.Base(name); d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || slices.Contains([]string{"node_modules", "bin", "dist", "target"}, base)) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".md" {
			return nil
		}
		b, err := os.ReadFile(filepath.Join(repo, name))
		pages[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// prepare puts into the reader's folder what the page takes as given.
func prepare(r *reader, name string, blocks []block) {
	switch {
	case name == "README.md":
		r.built = func() { // what make build leaves in the clone
			r.mkdir("bin/guests")
			wedge, err := exec.LookPath("wedge")
			if err == nil {
				err = os.Symlink(wedge, filepath.Join(r.dir, "bin/wedge"))
			}
			if err != nil {
				r.t.Fatal(err)
			}
			r.guest("headers", "bin/guests/headers.wasm")
		}
	case name == "benchmarks/README.md":
		r.programs = absolute(r.t, filepath.Join(repo, "benchmarks"))
	case strings.HasPrefix(name, "examples/"):
		example := path.Base(path.Dir(name))
		r.partial = true
		r.secrets(blocks)
		if slices.ContainsFunc(blocks, func(b block) bool { return b.word == "console" }) {
			r.guest(example, example+".wasm")
		}
	}
}

// guest puts an example's module into the folder: what make has built, or what is built now if that is older than its source.
func (r *reader) guest(example, to string) {
	to = filepath.Join(r.dir, to)
	made := filepath.Join(repo, "bin", "guests", example+".wasm")
	if b, err := os.ReadFile(made); err == nil && !newer(filepath.Join(repo, "examples", example), made) && !newer(filepath.Join(repo, "sdk", "go"), made) {
		if err := os.WriteFile(to, b, 0o644); err != nil {
			r.t.Fatal(err)
		}
		return
	}
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, ".")
	cmd.Dir = filepath.Join(repo, "examples", example)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v\n%s", example, err, out)
	}
}

// newer tells whether something in a folder is younger than a file.
func newer(dir, file string) (yes bool) {
	made, err := os.Stat(file)
	if err != nil {
		return true
	}
	err = filepath.Walk(dir, func(_ string, f fs.FileInfo, err error) error {
		yes = yes || err == nil && f.ModTime().After(made.ModTime())
		return err
	})
	return yes || err != nil
}

var secretFile = regexp.MustCompile(`\{file: ([^}]+)\}`)

// secrets writes the files that configurations point at: keys for codes, or public ones.
func (r *reader) secrets(blocks []block) {
	for _, b := range blocks {
		for _, m := range secretFile.FindAllStringSubmatch(b.body, -1) {
			text := []byte("0123456789abcdef0123456789abcdef\n")
			if path.Ext(m[1]) == ".pem" {
				public, _, err := ed25519.GenerateKey(nil)
				if err != nil {
					r.t.Fatal(err)
				}
				der, err := x509.MarshalPKIXPublicKey(public)
				if err != nil {
					r.t.Fatal(err)
				}
				text = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
			}
			r.mkdir(path.Dir(m[1]))
			if err := os.WriteFile(filepath.Join(r.dir, m[1]), text, 0o600); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

func (r *reader) mkdir(name string) {
	if err := os.MkdirAll(filepath.Join(r.dir, name), 0o755); err != nil {
		r.t.Fatal(err)
	}
}
