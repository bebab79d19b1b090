// Command runtime measures what limits and isolation cost a guest: real work and a tiny loop metered, on wazero as it is, and
// with wazero's own way to stop a guest; an exchange with a new instance, with each way to reset one, and without; a hook
// beside an empty handler in Go. The guests are the same programs in C, Rust, AssemblyScript and Go, and a hello-world in
// JavaScript on the engine of js-compute, whose host functions are answered by a fixed table.
//
// All is measured in turns, in rounds, as processor time of this process; medians and the quartiles around them are
// printed, and ratios are those within a round. Garbage is collected between the rounds and not counted. Other load on the
// machine disturbs that less than time by the clock, but it does: caches and the two threads of a core are shared.
//
// What is missing to build a guest is said, and the guest left out; .ci/tools installs compilers, and the JavaScript engine
// comes from npm when it is first needed. Built and compiled guests are kept in the user's cache folder: the first run takes
// two minutes, another one half of one.
//
// -only measures a part, with more rounds in the same time: metering, isolation, hooks or handlers.
//
//	go run ./runtime [-only metering] [-rounds 25] [-while 4ms] [-check]
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/runtime/sandbox"
)

func main() {
	rounds := flag.Int("rounds", 25, "rounds, in each of which every figure is measured once")
	while := flag.Duration("while", 4*time.Millisecond, "processor time that a round spends on a figure")
	js := flag.String("js", "runtime/js", "`folder` of the JavaScript guest")
	only := flag.String("only", "", "`part` that is measured: metering, isolation, hooks or handlers; all if it is empty")
	check := flag.Bool("check", false, "fail if a target is missed")
	flag.Parse()
	list, err := programs(*js, os.Stdout)
	missed := 0
	if err == nil {
		missed, err = run(os.Stdout, list, *js, *only, *rounds, *while)
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "runtime:", err)
		os.Exit(1)
	case missed > 0 && *check:
		os.Exit(1)
	}
}

// A guest with all that is measured on it.
type measured struct {
	program
	size                   int64
	plain, metered, closed []*cell  // by job
	empty                  [3]*cell // of an empty call: plain, metered, closed
	fresh, kept, chosen    *cell    // an exchange: new instance, isolation instance, the way that the sandbox chose
	ways                   []*cell  // by sandbox.Ways
}

// Parts of what is measured.
const (
	partMetering  = "metering"
	partIsolation = "isolation"
	partHooks     = "hooks"
	partHandlers  = "handlers"
)

// run measures a list of guests, or a part of it, prints the tables, and returns how many targets were missed.
func run(w io.Writer, list []program, js, only string, rounds int, while time.Duration) (missed int, err error) {
	wanted := func(part string) bool { return only == "" || only == part }
	if !wanted(partMetering) && !wanted(partIsolation) && !wanted(partHooks) && !wanted(partHandlers) {
		return 0, fmt.Errorf("no part %q: metering, isolation, hooks or handlers", only)
	}
	// One thread runs Go code: idle ones that look for work would be booked on what is measured.
	processors := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(processors)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // measure collects between rounds
	turns := sandbox.NewTurns(1)
	var cells []*cell
	var all []*measured
	if only == partHooks || only == partHandlers {
		list = nil
	}
	for _, p := range list {
		m := &measured{program: p}
		if err := m.set(turns); err != nil {
			return 0, fmt.Errorf("%s: %w", p.language, err)
		}
		all = append(all, m)
		if wanted(partMetering) {
			cells = append(cells, m.calls()...)
		}
		if wanted(partIsolation) {
			cells = append(cells, m.exchanges()...)
		}
	}
	handler, hook, err := hooks(turns)
	if err != nil {
		return 0, err
	}
	pooled, err := hook(sandbox.PerInstance)
	if err != nil {
		return 0, err
	}
	pristine, err := hook(sandbox.PerExchange)
	if err != nil {
		return 0, err
	}
	if wanted(partHooks) {
		cells = append(cells, handler, pooled, pristine)
	}
	var isolated, reused *cell
	if wanted(partHandlers) && js != "" {
		if isolated, reused, err = handlers(js, turns, w); err != nil {
			return 0, err
		}
		if isolated != nil {
			cells = append(cells, isolated, reused)
		}
	}
	if err := measure(cells, rounds, while); err != nil {
		return 0, err
	}
	r := report{w: w}
	r.printf("%s, %s/%s, %d processors, load average %s; %d rounds of %s of processor time for each figure\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, processors, loadAverage(), rounds, while)
	if wanted(partMetering) {
		r.metering(all)
	}
	if wanted(partIsolation) {
		r.isolation(all)
	}
	if wanted(partHooks) {
		r.hooks(handler, pooled, pristine)
	}
	if isolated != nil {
		r.handlers(isolated, reused)
	}
	r.summary()
	return r.missed, nil
}

// loadAverage is how busy the machine was in the last minute: figures of a busy one are higher, ratios less so.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(b), " ")
	if err != nil || first == "" {
		return "unknown"
	}
	return first
}

// set makes the cells of a guest.
func (m *measured) set(turns *sandbox.Turns) error {
	free, err := newPlain(m.program, false)
	if err != nil {
		return err
	}
	stoppable, err := newPlain(m.program, true)
	if err != nil {
		return err
	}
	boxed, err := newMetered(m.program, turns)
	if err != nil {
		return err
	}
	if m.size, err = boxed.size(); err != nil {
		return err
	}
	three := func(j job) (c [3]*cell, err error) {
		for i, r := range []interface {
			caller(j job, once bool) (do func() error, before func(), err error)
		}{free, boxed, stoppable} {
			do, before, err := r.caller(j, m.once)
			if err != nil {
				return c, err
			}
			do = []*answers{&free.answers, &boxed.answers, &stoppable.answers}[i].check(m.program, do)
			c[i] = &cell{name: m.language + " " + j.name, do: do, before: before, long: m.long}
		}
		return c, nil
	}
	for _, j := range m.jobs {
		c, err := three(j)
		if err != nil {
			return err
		}
		m.plain, m.metered, m.closed = append(m.plain, c[0]), append(m.metered, c[1]), append(m.closed, c[2])
	}
	if m.language != "JavaScript" {
		if m.empty, err = three(job{"empty", "empty", []uint64{0}}); err != nil {
			return err
		}
	}
	exchange := func(o sandbox.Options) (c *cell) {
		if err != nil {
			return nil
		}
		var do func() error
		do, err = boxed.exchanges(m.exchange, o)
		return &cell{name: m.language + " exchange", do: boxed.answers.check(m.program, do)}
	}
	m.fresh = exchange(sandbox.Options{Fresh: true})
	for _, way := range sandbox.Ways() {
		m.ways = append(m.ways, exchange(sandbox.Options{Reset: way}))
	}
	m.chosen = exchange(sandbox.Options{})
	if !m.once { // or a second exchange finds a program that has ended
		m.kept = exchange(sandbox.Options{Isolation: sandbox.PerInstance})
	}
	return err
}

// calls are the cells of metering, exchanges those of isolation.
func (m *measured) calls() (list []*cell) {
	for i := range m.plain {
		list = append(list, m.plain[i], m.metered[i], m.closed[i])
	}
	if m.empty[0] != nil {
		list = append(list, m.empty[:]...)
	}
	return list
}

func (m *measured) exchanges() []*cell {
	list := []*cell{m.fresh, m.chosen}
	if m.kept != nil {
		list = append(list, m.kept)
	}
	return append(list, m.ways...)
}
