package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/wedgecdn/wedge/runtime/engine/enginetest/guests"
)

// program is a guest in one language, with the jobs that are measured on it.
type program struct {
	language string
	module   []byte
	jobs     []job // real work
	exchange job   // what an exchange does where its isolation is measured
	initial  string
	once     bool // its jobs are to find the memory as it was at first
	long     bool // its jobs take longer: it collects garbage at times that differ, or runs once, with cold caches
}

// job is one call of an export.
type job struct {
	name   string
	export string
	args   []uint64
}

// pages is how many pages of memory the exchange of a compiled guest writes to, beside those of its own runtime.
const pages = 16

// programs builds the guests. A language that cannot be built here is left out, and said so on w.
func programs(js string, w io.Writer) ([]program, error) {
	var list []program
	for _, l := range guests.Languages() {
		module, err := guests.Build(l, guests.Work)
		if errors.Is(err, guests.ErrMissing) {
			fmt.Fprintf(w, "%s is left out: %v\n", l, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		p := program{language: string(l), module: module, exchange: job{"touch", "touch", []uint64{pages}}}
		if l == guests.C || l == guests.Go {
			p.initial = "_initialize"
		}
		p.long = l == guests.Go
		p.jobs = []job{{"headers", "headers", []uint64{10}}, {"json", "json", []uint64{10}}, {"loop", "loop", []uint64{20000}},
			{"crc", "crc", []uint64{5}}, {"alloc", "alloc", []uint64{5}}}
		list = append(list, p)
	}
	module, err := javaScript(js, "hello.js")
	if err != nil {
		fmt.Fprintf(w, "JavaScript is left out: %v\n", err)
		return list, nil
	}
	request := job{"request", "_start", nil} // a program that runs once
	return append(list, program{language: "JavaScript", module: module, jobs: []job{request}, exchange: request, once: true, long: true}), nil
}

// javaScript builds a script into the engine of js-compute, as its own command line does: wizer runs the engine up to the
// point where it has read the script.
func javaScript(dir, script string) ([]byte, error) {
	h := sha256.New()
	for _, name := range []string{script, "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(h, "%q\n", b)
	}
	kept, err := cacheDir("js")
	if err != nil {
		return nil, err
	}
	kept = filepath.Join(kept, fmt.Sprintf("%x.wasm", h.Sum(nil)[:16]))
	if b, err := os.ReadFile(kept); err == nil {
		return b, nil
	}
	wizer := filepath.Join("node_modules", "@bytecodealliance", "wizer", "wizer.js")
	if _, err := os.Stat(filepath.Join(dir, wizer)); err != nil {
		if err := command(dir, "", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
			return nil, err
		}
	}
	out := filepath.Join("node_modules", script+".wasm")
	err = command(dir, script+" --legacy-script", "node", wizer, "--inherit-env=true", "--allow-wasi", "--dir=.",
		"-r", "_start=wizer.resume", "--wasm-bulk-memory=true", "-o="+out, filepath.Join("node_modules", "@fastly", "js-compute", "fastly.wasm"))
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, out))
	if err != nil {
		return nil, err
	}
	return b, os.WriteFile(kept, b, 0o600)
}

func command(dir, stdin, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader([]byte(stdin))
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, args[0], err, text)
	}
	return nil
}

// cacheDir is a folder that outlives the run: compiling all modules three times takes minutes.
func cacheDir(name string) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "wedge-bench", name)
	return dir, os.MkdirAll(dir, 0o700)
}
