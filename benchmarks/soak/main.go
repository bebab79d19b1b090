// Command soak runs a node for an hour under mixed traffic with deploys, purges, reloads of its configuration and a faulty origin, and
// fails if an answer was wrong that had no fault of ours behind it, or if memory or goroutines grow.
//
// The node is a process of its own, its origin and its clients are here. Each client checks each answer: status, every byte,
// the field of the function. Paths whose origin fails on purpose must fail as they should; all others must not. Memory and goroutines are
// compared between the second quarter of the time and the last.
//
//	go run ./soak [-for 1h] [-clients 16] [-wedge BINARY]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

func main() {
	how := Options{Log: func(format string, args ...any) { fmt.Printf(format, args...) }}
	flag.DurationVar(&how.For, "for", time.Hour, "how long")
	flag.IntVar(&how.Clients, "clients", 16, "clients at one time")
	flag.StringVar(&how.Wedge, "wedge", "", "the node's `binary`; by default it is built from this tree")
	flag.Parse()
	if err := run(how); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
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
