package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
)

// ascModules is where the tests of runtime/engine have AssemblyScript.
const ascModules = "../../../runtime/engine/enginetest/guests/testdata/assemblyscript/node_modules"

// hasTool is the conditions of scripts: asc, rust and race.
func hasTool(name string) (bool, error) {
	switch name {
	case "asc":
		_, err := os.Stat(filepath.Join(ascModules, "assemblyscript"))
		return err == nil, nil
	case "rust":
		return project.Toolchain(project.Rust, "") == nil, nil
	case "race":
		return raced, nil
	}
	return false, os.ErrNotExist
}

// scriptTools lets scripts use compilers: Go's wants its cache, AssemblyScript's stands beside the tests.
func scriptTools(env *testscript.Env) error {
	cache := os.Getenv("GOCACHE")
	if dir, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(dir, "go-build")
	}
	env.Setenv("GOCACHE", cache)
	modules, err := filepath.Abs(ascModules)
	env.Setenv("ASC_MODULES", modules)
	if err != nil {
		return err
	}
	faults, err := filepath.Abs("testdata/faults")
	env.Setenv("FAULTS", faults)
	return err
}

// devRun is a wedge dev that a script has started.
type devRun struct {
	cmd    *exec.Cmd
	events chan devEvent // closed at the end of its output
	stderr strings.Builder
}

type devEvent struct {
	Event string `json:"event"`
	Text  string `json:"text"`
	More  struct {
		HTTP  string `json:"http"`
		Admin string `json:"admin"`
	} `json:"more"`
	line string
}

type devKey struct{}

// startDev is the command "dev [FLAG...] DIR": it starts wedge dev --json on ports that are free. URL says where it answers,
// WEDGE_NODE where its operators' API is. It is ended at the end of the script.
func startDev(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: dev [FLAG...] DIR")
	}
	d := &devRun{events: make(chan devEvent, 1000)}
	d.cmd = exec.Command("wedge", append([]string{"dev", "--json", "--addr", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)...)
	d.cmd.Dir, d.cmd.Stderr = ts.MkAbs("."), &d.stderr
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ", "GORACE", "GOCACHE", hintless} {
		d.cmd.Env = append(d.cmd.Env, name+"="+ts.Getenv(name))
	}
	out, err := d.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(d.cmd.Start())
	go func() {
		defer close(d.events)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			e := devEvent{line: lines.Text()}
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				d.events <- e
			}
		}
	}()
	*ts.Value(devKey{}).(**devRun) = d
	ts.Defer(func() {
		d.cmd.Process.Signal(os.Interrupt)
		for range d.events {
		}
		if err := d.cmd.Wait(); err != nil {
			ts.Logf("wedge dev ended with %v: %s", err, &d.stderr)
		}
	})
	ready := d.next(ts, "ready", regexp.MustCompile(""))
	ts.Setenv("URL", "http://"+ready.More.HTTP)
	ts.Setenv("WEDGE_NODE", ready.More.Admin)
}

// wantEvent is the command "event NAME REGEXP": it waits for the next event of that name, whose JSON must match, and writes its text into
// event.txt, without what is unsteady.
func wantEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: event NAME REGEXP")
	}
	form, err := regexp.Compile(args[1])
	ts.Check(err)
	d := *ts.Value(devKey{}).(**devRun)
	if d == nil {
		ts.Fatalf("wedge dev was not started")
	}
	e := d.next(ts, args[0], form)
	if e.Text == "" {
		e.Text = e.line + "\n"
	}
	e.Text = strings.TrimSuffix(e.Text, "\n") + "\n"
	for _, u := range unsteady {
		e.Text = u.form.ReplaceAllString(e.Text, u.as)
	}
	ts.Check(os.WriteFile(ts.MkAbs("event.txt"), []byte(e.Text), 0o600))
	ts.Logf("%s", e.Text)
}

// unsteady is what differs from run to run, from machine to machine, or with a line more in a library.
var unsteady = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d `), ""},
	{regexp.MustCompile(`fuel \d+`), "fuel N"},
	{regexp.MustCompile(`(cpu|wall) [0-9.]+(?:ns|µs|ms|s) of`), "$1 N of"},
	{regexp.MustCompile(`used [0-9.]+(?:ns|µs|ms|s)`), "used N"},
	{regexp.MustCompile(`memory [0-9.]+ \w+ of`), "memory N of"},
	{regexp.MustCompile(`host_calls \d+ of`), "host_calls N of"},
	{regexp.MustCompile(`offset 0x[0-9a-f]+`), "offset N"},
	{regexp.MustCompile(`(?m) +/usr/src/rustc\S+$`), " (rust)"},
	{regexp.MustCompile(`(?m) +((?:runtime/|~lib/|github.com/)\S+?):\d+(?::\d+)?$`), " $1"},
}

func (d *devRun) next(ts *testscript.TestScript, name string, form *regexp.Regexp) devEvent {
	late := time.NewTimer(2 * time.Minute)
	defer late.Stop()
	for {
		select {
		case e, ok := <-d.events:
			switch {
			case !ok:
				d.cmd.Wait()
				ts.Fatalf("wedge dev has ended: %s", &d.stderr)
			case e.Event == name && form.MatchString(e.line):
				return e
			case e.Event == name && name != "log", e.Event == "refused":
				ts.Fatalf("wanted %s that matches %s, got %s", name, form, e.line)
			}
		case <-late.C:
			ts.Fatalf("no %s came", name)
		}
	}
}
