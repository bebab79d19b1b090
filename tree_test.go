package wedge_test

import (
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is what the top folder may hold, beside hidden files and the tests of rules.
var root = []string{
	"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "RATIONALE.md", "README.md",
	"benchmarks", "edge", "examples", "go.mod", "go.sum", "go.work", "go.work.sum", "hostapi", "runtime", "sdk",
}

// tidyRoot is the rule that the first thing people see shows the architecture and nothing else.
func tidyRoot(fsys fs.FS) (complaints []string, err error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		written := slices.Contains(unversioned, name) || slices.Contains([]string{".test", ".prof", ".out"}, path.Ext(name))
		if !slices.Contains(root, name) && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, "_test.go") && !written {
			complaints = append(complaints, fmt.Sprintf("%s does not belong into the root: give it a home in one of the folders", name))
		}
	}
	return complaints, nil
}

// maxLines is how long a Go file may be without a reason. One concept is 100 to 300 lines.
const maxLines = 600

// longFiles are those that have a reason.
var longFiles = map[string]string{}

var generated = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)

// shortFiles is the rule that a file holds one concept.
func shortFiles(fsys fs.FS) (complaints []string, err error) {
	long := map[string]bool{}
	err = texts(fsys, func(name string, lines []string) {
		if path.Ext(name) != ".go" || len(lines) <= maxLines || slices.ContainsFunc(lines, generated.MatchString) {
			return
		}
		long[name] = true
		if longFiles[name] == "" {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines of %d: split it, or give a reason in longFiles (tree_test.go)", name, len(lines), maxLines))
		}
	})
	for name := range longFiles {
		if !long[name] {
			complaints = append(complaints, fmt.Sprintf("longFiles (tree_test.go) excuses %s, which is not long", name))
		}
	}
	return complaints, err
}

// unwanted is what no text of the tree holds. The expressions do not match themselves.
var unwanted = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`(^|[^\w.~*-])/(work|root|home/[a-z]\w*|Users/[A-Za-z]\w*)(/|$)`), "a path of somebody's machine"},
	{regexp.MustCompile(`(proxy|sum)[.]golang[.]org|registry[.]npmjs[.]org|files[.]pythonhosted[.]org|index[.]crates[.]io`), "the name of a package registry: the user's own tools know where to ask"},
	{regexp.MustCompile(`\b(TO[D]O|FIX[M]E)\b|\b(f[o]r now|n[o]t implemented)\b`), "unfinished work belongs into an issue, and code that pretends nowhere"},
}

// clean is the rule that the tree holds nothing unwanted.
func clean(fsys fs.FS) (complaints []string, err error) {
	err = texts(fsys, func(name string, lines []string) {
		for i, line := range lines {
			for _, u := range unwanted {
				if m := u.pattern.FindString(line); m != "" {
					complaints = append(complaints, fmt.Sprintf("%s:%d: %q: %s", name, i+1, m, u.why))
				}
			}
		}
	})
	return complaints, err
}

var (
	mdLink   = regexp.MustCompile(`\]\(<?([^)>\s]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+(\S+)`)
	mdCode   = regexp.MustCompile("`[^`]*`")
	mdScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`)
)

// linked is the rule that a relative link of a page leads to something that is there.
func linked(fsys fs.FS) (complaints []string, err error) {
	err = texts(fsys, func(name string, lines []string) {
		if path.Ext(name) != ".md" {
			return
		}
		fenced := false
		for i, line := range lines {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if fenced {
				continue
			}
			for _, m := range mdLink.FindAllStringSubmatch(mdCode.ReplaceAllString(line, "code"), -1) {
				to, _, _ := strings.Cut(m[1]+m[2], "#")
				if to == "" || mdScheme.MatchString(to) {
					continue
				}
				if _, err := fs.Stat(fsys, path.Join(path.Dir(name), to)); err != nil || strings.HasPrefix(to, "/") {
					complaints = append(complaints, fmt.Sprintf("%s:%d: the link to %s leads nowhere", name, i+1, to))
				}
			}
		}
	})
	return complaints, err
}

func TestTidyRoot(t *testing.T)   { holds(t, tidyRoot) }
func TestShortFiles(t *testing.T) { holds(t, shortFiles) }
func TestClean(t *testing.T)      { holds(t, clean) }
func TestLinked(t *testing.T)     { holds(t, linked) }

// Compiled code in the repository can be read by nobody, and grows it for ever. Guests are built by make, or by the
// tests that need them.
func TestNothingCompiled(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "--", "*.wasm", "*.zst", "*.exe", "*.so", "*.test").Output()
	if err != nil {
		t.Skipf("needs git and a clone, to know what is committed: %v", err)
	}
	for name := range strings.Lines(string(out)) {
		t.Errorf("%s is committed", strings.TrimSuffix(name, "\n"))
	}
}

func TestTreeFinds(t *testing.T) {
	finds(t, tidyRoot, tree("README.md", "", "x_test.go", "", "bin/wedge", "", ".ci/run", "", "cpu.prof", "", "edge/x", ""))
	finds(t, tidyRoot, tree("main.go", "", "pkg/x.go", ""), "main.go does not belong", "pkg does not belong")

	finds(t, shortFiles, tree("edge/x.go", strings.Repeat("//\n", maxLines)))
	finds(t, shortFiles, tree("edge/x.go", strings.Repeat("//\n", maxLines+1)), "edge/x.go has 601 lines of 600")
	finds(t, shortFiles, tree("edge/x.go", "// Code generated by x. DO NOT EDIT.\n"+strings.Repeat("//\n", maxLines)))

	f := func(line string, want ...string) { t.Helper(); finds(t, clean, tree("a.md", "one\n"+line), want...) }
	f("cd /"+"work/main", "a.md:2:")
	f("see `/"+"root/go`", "somebody's machine")
	f("HOME=/"+"home/ann/go", "somebody's machine")
	f("https://example.com/" + "work/x and a/" + "root/b, ProtectHome and /" + "rooted")
	f("GOPROXY=https://proxy."+"golang.org", "registry")
	f("// TO"+"DO: later", "unfinished")
	f("answers 501 Not Implemented", []string{}...)
	f("enough for"+" now", "unfinished")

	g := func(line string, want ...string) {
		t.Helper()
		finds(t, linked, tree("edge/docs/a.md", "one\n"+line, "edge/docs/b.md", "", "README.md", ""), want...)
	}
	g("[b](b.md), [up](../../README.md), [part](b.md#part), [here](#here), [out](https://example.com), [dir](../docs)")
	g("[c](c.md)", "edge/docs/a.md:2: the link to c.md")
	g("![c](c.png \"a picture\")", "c.png")
	g("[c]: c.md", "c.md")
	g("[c](/README.md)", "/README.md")
	g("`[c](c.md)`")
	g("```\n[c](c.md)\n```")
}
