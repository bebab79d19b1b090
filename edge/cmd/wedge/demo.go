package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wedgecdn/wedge/edge/demo"
	"github.com/wedgecdn/wedge/runtime/engine"
)

type demoCommand struct {
	Tour bool   `help:"Play a tour, print what happens, and exit with 0 only if all went as told."`
	Data string `placeholder:"FOLDER" help:"Keep the demo's files here; without it they are removed at the end."`
}

// demoDrain is how long the demo waits for requests when it is told to end.
const demoDrain = 10 * time.Second

func (v *demoCommand) Run(c *command) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Signals are taken from the beginning: what a start has made is removed as well.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := demo.Options{Data: v.Data, Version: thisVersion().Version, Compiler: engine.ChildCompiler(self, "compile")}
	if !v.Tour {
		o.Log = c.stderr
	}
	fmt.Fprintln(c.stderr, "wedge: starting; the first time the functions are compiled, which takes a moment")
	d, err := demo.Open(ctx, o)
	if errors.Is(err, demo.ErrNotBuilt) {
		return hint(err, "run make build (or make demo) in wedge's source, and use the binary that it makes: bin/wedge")
	}
	if ctx.Err() != nil && err != nil {
		return nil // told to end before it had begun
	}
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), demoDrain)
		defer cancel()
		err = errors.Join(err, d.Close(ctx))
	}()
	if v.Tour {
		return v.tour(ctx, c, d)
	}
	d.Guide(c.stdout, os.Args[0])
	<-ctx.Done()
	stop() // a second signal ends at once
	fmt.Fprintln(c.stderr, "wedge: draining; a second signal ends at once")
	return nil
}

func (v *demoCommand) tour(ctx context.Context, c *command, d *demo.Demo) error {
	err := d.Tour(ctx, c.stdout, colors(c.stdout))
	var differs *demo.Differs
	if errors.As(err, &differs) {
		return hint(err, "the lines that begin with otherwise say what was different; a machine that is very busy can be the reason")
	}
	if ctx.Err() != nil {
		return hint(errors.New("the tour was ended by a signal"), "nothing is left behind; start it again to see the rest")
	}
	return err
}

// colors says whether a stream is a terminal that wants colours, see https://no-color.org.
func colors(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
