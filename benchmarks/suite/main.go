// Command suite measures the node and its rivals: the same requests to each, in rounds that take turns, every answer checked.
//
// Each server runs as it does anywhere, with the configuration in benchmarks/rival, before an origin of its own, on loopback. With
// two processors or more the servers have one and the client and the origins another. What is measured first is the processor
// time of the server's processes a request, which other work on the machine disturbs least; beside it stand throughput
// and latency. A body is compared byte for byte, and the origin's count of requests says whether a hit was one.
//
//	go run ./suite [-only NAME,…] [-servers NAME,…] [-rounds 7] [-full] [-out FOLDER]    measure; rows of earlier runs in the folder stay
//	go run ./suite -out FOLDER -continue -within 5m …    go on where the last run into the folder ended, and begin nothing after that time
//	go run ./suite targets FOLDER      what is asked of the node, what was seen, and whether it holds
//	go run ./suite report FOLDER       write FOLDER/suite.txt and FOLDER/suite.html anew
//	go run ./suite shots FOLDER        pictures of parts of FOLDER/suite.html, by chromium
//	go run ./suite benchstat FOLDER SERVER    a server's rounds in the form that benchstat reads
//	go run ./suite readme              put the newest result's table into the README
//	go run ./suite list                the scenarios
//	go run ./suite versions            the servers that are installed
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wedgecdn/wedge/benchmarks/guest"
	"github.com/wedgecdn/wedge/benchmarks/origin"
	"github.com/wedgecdn/wedge/benchmarks/proc"
	"github.com/wedgecdn/wedge/benchmarks/rival"
)

func main() {
	runtime.LockOSThread() // the children end when the thread that started them does, and inherit its processors
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		var n left
		if errors.As(err, &n) {
			os.Exit(3)
		}
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) > 1 && strings.HasPrefix(args[0], "serve-") {
		return serveNamed(args[0], args[1:])
	}
	if len(args) == 2 && args[0] == "report" {
		return report(args[1])
	}
	if len(args) == 2 && args[0] == "shots" {
		return shots(args[1])
	}
	if len(args) == 2 && args[0] == "targets" {
		r, err := readResult(filepath.Join(args[1], "suite.json"))
		if err != nil {
			return err
		}
		writeTargets(os.Stdout, r)
		return nil
	}
	if len(args) == 3 && args[0] == "benchstat" {
		return benchstat(os.Stdout, args[1], args[2])
	}
	if len(args) == 1 && args[0] == "readme" {
		text, err := readme("..")
		if err != nil {
			return err
		}
		return os.WriteFile("../README.md", text, 0o644)
	}
	if len(args) == 1 && args[0] == "list" {
		for _, s := range scenarios() {
			fmt.Printf("%-14s %s\n", s.Name, s.Title)
		}
		return nil
	}
	if len(args) == 1 && args[0] == "versions" {
		for _, r := range rival.All("", "") {
			version, err := r.Version()
			if err != nil {
				version = "– " + err.Error()
			}
			fmt.Printf("%-28s %s\n", r.Name(), version)
		}
		return nil
	}
	f := flag.NewFlagSet("suite", flag.ContinueOnError)
	only := f.String("only", "", "`names` of scenarios, separated by commas; by default the main ones")
	full := f.Bool("full", false, "all scenarios")
	names := f.String("servers", "", "`names` of servers, separated by commas; by default all")
	rounds := f.Int("rounds", 7, "rounds, in each of which every server is measured once")
	out := f.String("out", "", "`folder` for the results; what it holds of other scenarios stays")
	goOn := f.Bool("continue", false, "leave out scenarios that the folder has of this commit, with as many rounds")
	within := f.Duration("within", 0, "begin no scenario after this `time`; the exit code is 3 if some are left")
	wedge := f.String("wedge", "", "the node's `binary`; by default it is built from this tree")
	base := f.String("base", "", "a node's `binary` to compare with, as the servers base, base/c and so on")
	if err := f.Parse(args); err != nil {
		return err
	}
	b, err := newBench(*wedge, *rounds)
	if err != nil {
		return err
	}
	if *base != "" {
		b.rivals = append(rival.Base(*base), b.rivals...)
	}
	if err := b.choose(*names); err != nil {
		return err
	}
	todo, err := chosen(*only, *full)
	if err != nil {
		return err
	}
	dir := *out
	if dir == "" {
		if dir, err = os.MkdirTemp("", "wedge-bench-result-"); err != nil {
			return err
		}
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return b.all(todo, dir, *goOn, *within)
}

func newBench(wedge string, rounds int) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	measured := proc.Commit()
	if wedge != "" {
		b, err := os.ReadFile(wedge)
		if err != nil {
			return nil, err
		}
		measured = fmt.Sprintf("binary %.6x", sha256.Sum256(b)) // which may be of any tree
	} else {
		wedge = filepath.Join(os.TempDir(), fmt.Sprintf("wedge-bench-%d", os.Getuid()))
		fmt.Fprintln(os.Stderr, "building the node")
		cmd := exec.Command("go", "build", "-o", wedge, "./edge/cmd/wedge")
		cmd.Dir, cmd.Stderr = "..", os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("the node does not build: %w", err)
		}
	}
	if wedge, err = filepath.Abs(wedge); err != nil {
		return nil, err
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) // the scenario that needs more says so
	}
	b := &bench{self: self, rivals: rival.All(wedge, self), rounds: rounds, bodies: origin.NewBodies(origin.Largest), commit: measured,
		progress: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format, args...) }}
	cores, err := proc.Cores()
	if err != nil {
		return nil, err
	}
	b.clientCores, b.serverCores = cores, cores
	if len(cores) > 1 {
		b.clientCores, b.serverCores = cores[:1], cores[1:2]
	}
	return b, proc.Bind(b.clientCores)
}

// choose keeps the servers of these names.
func (b *bench) choose(names string) error {
	if names == "" {
		return nil
	}
	var kept []rival.Rival
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(b.rivals, func(r rival.Rival) bool { return r.Name() == name })
		if i < 0 {
			return fmt.Errorf("there is no server %q", name)
		}
		kept = append(kept, b.rivals[i])
	}
	b.rivals = kept
	return nil
}

func chosen(only string, full bool) (todo []Scenario, err error) {
	known := scenarios()
	if only == "" {
		for _, s := range known {
			if s.Main || full {
				todo = append(todo, s)
			}
		}
		return todo, nil
	}
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(known, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q: suite list names them", name)
		}
		todo = append(todo, known[i])
	}
	return todo, nil
}

// all runs the scenarios and writes after each what is known by then.
func (b *bench) all(todo []Scenario, dir string, goOn bool, within time.Duration) error {
	begin := time.Now()
	file := filepath.Join(dir, "suite.json")
	r, err := readResult(file)
	if err != nil {
		return err
	}
	if goOn {
		todo = slices.DeleteFunc(todo, func(s Scenario) bool { return r.has(s.Name, b.commit, b.rounds) })
	}
	if err := b.compile(todo); err != nil {
		return err
	}
	defer os.RemoveAll(b.made)
	r.Machine = proc.This()
	r.Machine.Pinned = fmt.Sprintf("servers on %v, client and origins on %v", b.serverCores, b.clientCores)
	for _, v := range b.rivals {
		if version, err := v.Version(); err == nil {
			r.Versions[v.Name()] = version
		}
	}
	for i, s := range todo {
		if within > 0 && time.Since(begin) > within {
			return left(len(todo) - i)
		}
		began := time.Now()
		rows, err := b.run(&s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		r.replace(s.Name, rows)
		if err := errors.Join(r.write(file), report(dir)); err != nil {
			return err
		}
		writeScenario(os.Stdout, r, &s)
		fmt.Fprintf(os.Stderr, "%s took %v, %d of %d scenarios are done\n", s.Name, time.Since(began).Round(time.Second), i+1, len(todo))
	}
	if measured(r) {
		writeTargets(os.Stdout, r)
	}
	fmt.Fprintln(os.Stderr, "results in", dir)
	return nil
}

// left is an error: the time was over before so many scenarios.
type left int

func (n left) Error() string {
	return fmt.Sprintf("%d scenarios are left: run the same command with -continue", int(n))
}

// compile makes the functions that the scenarios need.
func (b *bench) compile(todo []Scenario) (err error) {
	if b.made, err = os.MkdirTemp("", "wedge-bench-guests-"); err != nil {
		return err
	}
	b.modules = map[string]map[string]guest.Module{}
	for _, s := range todo {
		if s.Kind == Cold {
			if b.many, err = b.variants(); err != nil {
				return err
			}
		}
		functions := []string{s.Function}
		if s.Kind == Hostile {
			functions = append(functions, "spin")
		}
		for _, f := range functions {
			if f == "" || b.modules[f] != nil {
				continue
			}
			if b.modules[f], err = guest.Build("..", b.made, f); err != nil {
				return err
			}
		}
		if s.Kind == Deploy {
			if b.words, err = b.wordModules(); err != nil {
				return err
			}
		}
	}
	return nil
}
