package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/wedgecdn/wedge/benchmarks/guest"
	"github.com/wedgecdn/wedge/benchmarks/load"
	"github.com/wedgecdn/wedge/benchmarks/origin"
	"github.com/wedgecdn/wedge/benchmarks/proc"
	"github.com/wedgecdn/wedge/benchmarks/rival"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// variants makes twenty functions of which no two have the same bytes: nine in C, nine in AssemblyScript, two in Go, which
// stand first. A language without a compiler is an error: the figure would be of less work than it says.
func (b *bench) variants() (many []rival.Function, err error) {
	made, err := guest.Build("..", b.made, "ua")
	if err != nil {
		return nil, err
	}
	for _, some := range []struct {
		language string
		count    int
	}{{"go", 2}, {"c", 9}, {"assemblyscript", 9}} {
		m := made[some.language]
		if m.Lacks != "" {
			return nil, fmt.Errorf("twenty functions: %s: %s", some.language, m.Lacks)
		}
		files, err := b.saying(some.language, m, some.count)
		if err != nil {
			return nil, err
		}
		for i, file := range files {
			many = append(many, rival.Function{Name: fmt.Sprintf("%s-%d", some.language, i), File: file})
		}
	}
	return many, nil
}

// saying makes modules of the function ua that say other words than "desktop".
func (b *bench) saying(language string, m guest.Module, count int) (files []string, err error) {
	code, err := os.ReadFile(m.File)
	if err != nil {
		return nil, err
	}
	for i := range count {
		changed := bytes.ReplaceAll(code, []byte("desktop"), []byte(word(i)))
		changed = bytes.ReplaceAll(changed, wide("desktop"), wide(word(i)))
		if bytes.Equal(changed, code) {
			return nil, fmt.Errorf("the function ua in %s has no text to change", language)
		}
		if changed, err = apart(changed, word(i)); err != nil {
			return nil, fmt.Errorf("the function ua in %s: %w", language, err)
		}
		file := filepath.Join(b.made, fmt.Sprintf("%s-%d.wasm", language, i))
		if err := os.WriteFile(file, changed, 0o600); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// apart gives a module one more name for its memory. Modules that differ in their data alone share compiled code, and a node would find what it has compiled for
// the one before.
func apart(module []byte, name string) ([]byte, error) {
	sections, err := wasm.Sections(module)
	if err != nil {
		return nil, err
	}
	for i, s := range sections {
		if s.ID == wasm.ExportSection {
			const memory = 2
			n, width := binary.Uvarint(s.Data)
			names := append(wasm.AppendU32(nil, uint32(n)+1), s.Data[width:]...)
			sections[i] = wasm.Section{ID: s.ID, Data: append(wasm.AppendName(names, name), memory, 0)}
			return wasm.Write(sections), nil
		}
	}
	return nil, errors.New("it exports nothing")
}

// wordModules are those that a deploy puts in the place of another, by server; the node's are by its variant.
func (b *bench) wordModules() (map[string][]string, error) {
	all := map[string][]string{}
	for _, r := range b.rivals {
		all[r.Name()] = make([]string, words) // others than the node have what they need
	}
	for language, m := range b.modules["ua"] {
		if m.Lacks != "" || language == guest.JavaScript {
			continue
		}
		files, err := b.saying(language, m, words)
		if err != nil {
			return nil, err
		}
		all["/"+language] = files
	}
	return all, nil
}

// wide is a text as AssemblyScript keeps it.
func wide(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// cold measures the start of each server that keeps what it stores, after it was stopped: until it has answered the first request, a hit.
func (b *bench) cold(s *Scenario) (rows []Row, err error) {
	job := b.job(s)
	job.Many = b.many
	// Nobody asks meanwhile: the server has all processors.
	cores := slices.Compact(slices.Sorted(slices.Values(slices.Concat(b.clientCores, b.serverCores))))
	job.Cores = len(cores)
	for _, r := range b.rivals {
		row := Row{Scenario: s.Name, Server: r.Name(), Requests: 1}
		if r.Name() == "bare" {
			row.Reason = "keeps nothing on disk"
		} else if row.Reason = r.Lacks(job); row.Reason == "" {
			if _, err := r.Version(); err != nil {
				row.Reason = err.Error()
			}
		}
		if row.Reason == rival.Elsewhere {
			continue
		}
		if row.Reason == "" {
			if err := b.coldRow(s, r, job, cores, &row); err != nil {
				b.progress("%s: %s: %v\n", s.Name, r.Name(), err)
				row = Row{Scenario: s.Name, Server: r.Name(), Reason: err.Error()}
			}
		}
		rows = append(rows, row)
	}
	b.progress("%s: done, load average %s\n", s.Name, proc.Load())
	return rows, nil
}

func (b *bench) coldRow(s *Scenario, r rival.Rival, job rival.Job, cores []int, row *Row) error {
	v := &server{rival: r}
	defer v.end()
	var err error
	if v.dir, err = os.MkdirTemp("", "wedge-bench-"); err != nil {
		return err
	}
	v.stop = append(v.stop, func() { os.RemoveAll(v.dir) })
	if err := errors.Join(os.Chmod(v.dir, 0o755), b.startOrigin(v)); err != nil {
		return err
	}
	job.Origin = v.origin
	shot := b.shot(s, 1)
	if len(job.Many) > 0 && strings.HasSuffix(r.Name(), "/many") {
		// The first function is one in Go.
		shot.Request = bytes.Replace(shot.Request, []byte("/p/"), []byte("/"+job.Many[0].Name+"/"), 1)
		shot.Field, shot.Value = "X-Device", "mobile"
	}
	// Round -1 fills the store, and the compile cache, and is not kept.
	for round := -1; round < b.rounds; round++ {
		before, err := origin.Count(v.origin)
		if err != nil {
			return err
		}
		start := time.Now()
		err = proc.On(cores, func() (err error) {
			v.proc, err = r.Start(v.dir, job)
			return err
		})
		if err == nil {
			err = firstAnswer(v.proc.Addr, shot, round < 0)
		}
		took := time.Since(start)
		var cpu time.Duration
		if err == nil {
			var pids []int
			if pids, err = proc.Tree(v.proc.PID); err == nil {
				cpu, err = proc.CPU(pids)
			}
		}
		if err == nil && round < 0 {
			time.Sleep(2 * time.Second) // what is written behind the answer is written now
		}
		if v.proc != nil {
			if err != nil {
				err = fmt.Errorf("%w; it said:\n%s", err, v.proc.Log())
			}
			v.proc.Stop()
		}
		if err != nil {
			return err
		}
		after, err := origin.Count(v.origin)
		if err != nil {
			return err
		}
		if round < 0 {
			continue
		}
		if n := after.Requests - before.Requests; n != 0 {
			return fmt.Errorf("after a restart the origin saw %d requests: what was stored is gone", n)
		}
		micro := micros(took)
		row.CPU = append(row.CPU, micros(cpu))
		row.Throughput = append(row.Throughput, rounded(1/took.Seconds(), 2))
		row.Origin = append(row.Origin, 0)
		row.Latency = append(row.Latency, Latencies{micro, micro, micro, micro, micro})
	}
	row.Commit, row.At = b.commit, time.Now().UTC().Format(time.RFC3339)
	return nil
}

func micros(d time.Duration) float64 { return rounded(float64(d.Nanoseconds())/1e3, 0) }

// firstAnswer asks until the answer is the wanted one, which it must be at once unless the server may be patient with itself.
func firstAnswer(addr string, shot *load.Shot, patient bool) error {
	for limit := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := load.Dial(addr, 1)
		if err == nil {
			_, err = c.Closed(1, func(int) *load.Shot { return shot })
			c.Close()
		}
		if err == nil || !patient || time.Now().After(limit) {
			return err
		}
	}
}
