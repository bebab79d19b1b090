package main

import (
	"bufio"
	"encoding/json"
	"io"
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

// jsModules has js-compute and TypeScript, as npm install would bring them.
const jsModules = "../../node/testdata/js/node_modules"

// hasTool is the conditions of scripts: asc, jscompute, rust and race.
func hasTool(name string) (bool, error) {
	switch name {
	case "asc":
		_, err := os.Stat(filepath.Join(ascModules, "assemblyscript"))
		return err == nil, nil
	case "jscompute":
		_, err := os.Stat(filepath.Join(jsModules, "@bytecodealliance", "jco", "index.js"))
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
	env.Setenv("GOCACHE", os.Getenv("GOCACHE"))
	env.Setenv("XDG_CACHE_HOME", os.Getenv("XDG_CACHE_HOME"))
	modules, err := filepath.Abs(ascModules)
	env.Setenv("ASC_MODULES", modules)
	if err != nil {
		return err
	}
	if modules, err = filepath.Abs(jsModules); err != nil {
		return err
	}
	env.Setenv("JS_MODULES", modules)
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
	d.cmd.Env = scriptEnv(ts)
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
	{regexp.MustCompile(`(?m)^  \d+ frames,`), "  N frames,"},
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

// talker is a command that stays, which a script has started.
type talker struct {
	cmd   *exec.Cmd
	lines chan string  // closed at the end of its output
	end   func() error // ends it, once
}

type talkerKey struct{}

// startTalker is the command "background COMMAND...": what it says on both outputs is read by said. finish ends it.
func startTalker(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: background COMMAND...")
	}
	t := &talker{cmd: exec.Command(args[0], args[1:]...), lines: make(chan string, 1000)}
	t.cmd.Dir = ts.MkAbs(".")
	t.cmd.Env = scriptEnv(ts)
	r, w := io.Pipe()
	t.cmd.Stdout, t.cmd.Stderr = w, w
	ts.Check(t.cmd.Start())
	go func() {
		defer close(t.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			t.lines <- s.Text()
		}
	}()
	*ts.Value(talkerKey{}).(**talker) = t
	ended := false
	end := func() (err error) {
		if !ended {
			ended = true
			t.cmd.Process.Signal(os.Interrupt)
			err = t.cmd.Wait()
			w.Close()
			for range t.lines {
			}
		}
		return err
	}
	t.end = end
	ts.Defer(func() { end() })
}

// wantSaid is the command "said REGEXP": it waits for a line that matches.
func wantSaid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: said REGEXP")
	}
	form, err := regexp.Compile(args[0])
	ts.Check(err)
	t := *ts.Value(talkerKey{}).(**talker)
	late := time.NewTimer(2 * time.Minute)
	defer late.Stop()
	for {
		select {
		case line, ok := <-t.lines:
			if !ok {
				ts.Fatalf("the command has ended")
			}
			ts.Logf("%s", line)
			if form.MatchString(line) {
				return
			}
		case <-late.C:
			ts.Fatalf("it does not say %s", form)
		}
	}
}

// finishTalker is the command "finish": Ctrl-C, and the end of the command, which must be a good one.
func finishTalker(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: finish")
	}
	ts.Check((*ts.Value(talkerKey{}).(**talker)).end())
}

// scriptEnv is what commands need of a script's environment.
func scriptEnv(ts *testscript.TestScript) (env []string) {
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ", "GORACE", "GOCACHE", "XDG_CACHE_HOME", hintless} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}
