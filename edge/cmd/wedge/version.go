package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"text/tabwriter"
)

// version is set when a release is linked: -ldflags "-X main.version=v1.2.3". It is the one variable of the package
// because the linker can set nothing else.
var version string

// libraries are the four that a node is made of, by the name people know. Their versions decide what a bug report
// is about: the engine of the functions, the HTTP/1.1 server, the codings, the store in memory.
var libraries = [...]struct{ name, module string }{
	{"wazero", "github.com/tetratelabs/wazero"},
	{"fasthttp", "github.com/valyala/fasthttp"},
	{"compress", "github.com/klauspost/compress"},
	{"freecache", "github.com/coocood/freecache"},
}

type versionCommand struct{ jsonFlag }

// A versionAnswer is what `wedge version --json` prints.
type versionAnswer struct {
	Version   string            `json:"version"`            // "devel" when it was not built from a release
	Commit    string            `json:"commit,omitempty"`   // absent when the build did not see the repository
	Modified  bool              `json:"modified,omitempty"` // the tree had changes that the commit does not hold
	Go        string            `json:"go"`
	Platform  string            `json:"platform"`
	Libraries map[string]string `json:"libraries"` // only what is linked into this binary
}

func (v versionCommand) Run(c *command) error {
	a := thisVersion()
	return c.answer(v.jsonFlag, a, a.print)
}

// thisVersion is what this binary is.
func thisVersion() versionAnswer {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()} // built without modules: still an answer
	}
	return versionOf(version, info)
}

// versionOf reads an answer out of what the linker was told and what the compiler recorded.
func versionOf(linked string, info *debug.BuildInfo) versionAnswer {
	a := versionAnswer{
		Version:   linked,
		Go:        info.GoVersion,
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
		Libraries: map[string]string{},
	}
	if a.Version == "" {
		a.Version = info.Main.Version
	}
	if a.Version == "" || a.Version == "(devel)" {
		a.Version = "devel"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			a.Commit = s.Value
		case "vcs.modified":
			a.Modified = s.Value == "true"
		}
	}
	for _, dep := range info.Deps {
		for _, l := range libraries {
			if dep.Path != l.module {
				continue
			}
			if dep.Replace != nil {
				dep = dep.Replace // what was compiled, not what was asked for
			}
			a.Libraries[l.name] = dep.Version
		}
	}
	return a
}

func (a versionAnswer) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(t, "%s\t%s\n", name, value) } // Flush reports what failed
	row("wedge", a.Version)
	switch {
	case a.Modified:
		row("commit", a.Commit+", modified")
	case a.Commit != "":
		row("commit", a.Commit)
	}
	row("go", a.Go+" "+a.Platform)
	for _, l := range libraries {
		if v, ok := a.Libraries[l.name]; ok {
			row(l.name, v)
		}
	}
	return t.Flush()
}
