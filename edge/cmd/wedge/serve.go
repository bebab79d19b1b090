package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
	"github.com/wedgecdn/wedge/runtime/engine"
)

type serveCommand struct {
	Config string `short:"c" default:"wedge.yaml" help:"The configuration." placeholder:"FILE" type:"path"`
}

func (v *serveCommand) Run(c *command) error {
	// Signals are taken before anything else: one that comes while the node is made waits until it serves. Without this SIGHUP,
	// whose default is to end the process, would.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	cfg, err := config.Load(v.Config)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	n, err := node.New(cfg, node.Options{Version: thisVersion().Version, ConfigFile: v.Config, Stdout: c.stdout, Stderr: c.stderr, Compiler: engine.ChildCompiler(self, "compile"), Tester: childTester(self)})
	if err != nil {
		return startError(err)
	}
	if err := n.Start(); err != nil {
		return hint(err, "another node may be running; wedge status asks it")
	}
	for s := range signals {
		if s != syscall.SIGHUP {
			break
		}
		reload(c, n, v.Config)
	}
	fmt.Fprintln(c.stderr, "wedge: draining; a second signal ends at once")
	ctx, cancel := context.WithTimeout(context.Background(), max(time.Duration(cfg.Drain), time.Millisecond))
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- n.Shutdown(ctx) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				return hint(err, "what was left has been cut; give it more time with drain: in the configuration")
			}
			return nil
		case s := <-signals:
			if s != syscall.SIGHUP {
				return hint(errors.New("ended at once by a second signal"), "one signal lets requests finish, for as long as drain: says")
			}
		}
	}
}

// startError adds to what a node says of its configuration what can be done
// about it.
func startError(err error) error {
	if advice, ok := errors.AsType[*node.Advice](err); ok {
		return hint(err, "%s", advice.Hint)
	}
	if _, ok := errors.AsType[config.Errors](err); ok {
		return err // each complaint has its own
	}
	return hint(err, `"wedge check" reads a configuration without using it`)
}

// reload is what SIGHUP does: logs are opened again, and the configuration is
// read anew. A bad file changes nothing.
func reload(c *command, n *node.Node, path string) {
	if err := n.ReopenLogs(); err != nil {
		c.report(err)
	}
	cfg, err := config.Load(path)
	if err == nil {
		var restart []config.Change
		if restart, err = n.Reload(cfg); err == nil {
			for _, r := range restart {
				fmt.Fprintf(c.stderr, "wedge: %s needs a restart\n", r.Path)
			}
			fmt.Fprintln(c.stderr, "wedge: reloaded", path)
			return
		}
	}
	c.report(startError(err))
	fmt.Fprintln(c.stderr, "wedge: not reloaded: the old configuration stays in force")
}

// compileCommand is the child process in which modules compile.
type compileCommand struct {
	Args []string `arg:"" optional:""`
}

func (v *compileCommand) Run(c *command) error {
	if code := engine.CompileChild(v.Args, c.stderr); code != 0 {
		return exitCode(code)
	}
	return nil
}
