// Command soak runs a node for an hour under mixed traffic with deploys, purges, reloads of its configuration and a faulty origin, and
// fails if an answer was wrong that had no fault of ours behind it, or if memory or goroutines grow.
//
// The node is a process of its own, its origin and its clients are here. Each client checks each answer: status, every byte,
// the field of the function. Paths whose origin fails on purpose, or whose function loops or traps, must fail as they should; all others must not. Memory and goroutines are
// compared between the second quarter of the time and the last.
//
//	go run ./soak [-for 1h] [-clients 16] [-rate REQUESTS_A_SECOND] [-wedge BINARY] [-out FOLDER]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/proc"
)

func main() {
	var text strings.Builder
	how := Options{Log: func(format string, args ...any) {
		fmt.Printf(format, args...)
		fmt.Fprintf(&text, format, args...)
	}}
	flag.DurationVar(&how.For, "for", time.Hour, "how long")
	flag.IntVar(&how.Clients, "clients", 16, "clients at one time")
	flag.IntVar(&how.Rate, "rate", 0, "requests a second of all clients together; by default as many as they can")
	out := flag.String("out", "", "`folder` for the report, soak.txt")
	flag.StringVar(&how.Wedge, "wedge", "", "the node's `binary`; by default it is built from this tree")
	flag.Parse()
	m := proc.This()
	how.Log("machine  %d processors, %s, %d MiB\nkernel   %s, %s\ncommit   %s\ncommand  go run ./soak %s\nbegan    %s, load average %s\n\n", m.Cores, m.CPU, m.MemoryMB, m.Kernel, runtime.Version(),
		proc.Commit(), strings.Join(os.Args[1:], " "), time.Now().UTC().Format(time.RFC3339), proc.Load())
	err := run(how)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		fmt.Fprintf(&text, "failed: %v\n", err)
	}
	if *out != "" {
		if err2 := os.WriteFile(filepath.Join(*out, "soak.txt"), []byte(text.String()), 0o644); err2 != nil {
			fmt.Fprintln(os.Stderr, "soak:", err2)
			os.Exit(1)
		}
	}
	if err != nil {
		os.Exit(1)
	}
}

func run(how Options) error {
	dir, err := os.MkdirTemp("", "wedge-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if how.Wedge == "" {
		how.Wedge = filepath.Join(dir, "wedge")
		if err := build(how.Wedge); err != nil {
			return err
		}
	}
	r, err := Soak(context.Background(), dir, how)
	if r != nil {
		how.Log("%s", r)
	}
	return err
}

// build makes the node from this tree; it is called in benchmarks or below.
func build(to string) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/wedgecdn/wedge").Output()
	if err != nil {
		return fmt.Errorf("where the node's module is: %w", err)
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", to, "./edge/cmd/wedge")
	cmd.Dir, cmd.Stderr = string(root[:len(root)-1]), os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the node does not build: %w", err)
	}
	return nil
}
