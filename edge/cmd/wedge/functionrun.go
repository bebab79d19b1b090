package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/fastlytoml"
	"github.com/wedgecdn/wedge/edge/node"
)

type functionRun struct {
	World   string   `name:"config" short:"C" type:"path" placeholder:"FILE" complete:"file" help:"The project's fastly.toml: its table local_server has the backends, stores and secrets of the program."`
	Address string   `name:"addr" default:"127.0.0.1:7676" placeholder:"ADDRESS" help:"Where the program answers."`
	Once    bool     `name:"once" help:"Run the program once and exit with its code, as if it had arguments."`
	Program []string `arg:"" passthrough:"" placeholder:"FILE" complete:"file" help:"The module, a program for Fastly Compute. Arguments behind it are the program's: it is then run once, and the exit code is its own."`
}

func (f functionRun) Run(c *command) (err error) {
	program, args := f.Program[0], f.Program[1:]
	if len(args) > 0 && args[0] == "--" {
		args, f.Once = args[1:], true
	}
	f.Once = f.Once || len(args) > 0
	world := new(fastlytoml.File)
	if f.World != "" {
		if world, err = fastlytoml.Read(f.World); err != nil {
			return tomlError(err)
		}
	}
	for _, n := range world.Notes {
		c.note("%s", n)
	}
	// Signals are taken from the beginning: what a start has made is removed as well.
	ctx, stop := signal.NotifyContext(c.context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	out := &programOutput{c: c, ended: make(chan ending, 1), once: f.Once}
	local := &node.Local{Args: args, AnyHost: true, Health: map[string]bool{}, Places: world.Places, Devices: world.Devices, Log: out.line, Ended: out.end}
	l, err := c.openLocal(ctx, localOptions{program: program, address: f.Address, world: world, local: local, quiet: f.Once})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if f.Once {
		return out.runOnce(ctx, l)
	}
	fmt.Fprintf(c.stderr, "wedge: %s answers on http://%s\n", clean(program), l.node.Addr())
	<-ctx.Done()
	return nil
}

func tomlError(err error) error {
	if e, is := errors.AsType[*fastlytoml.Error](err); is {
		return hint(err, "%s", e.Hint)
	}
	return err
}

// programOutput takes what a program says, and how it ends. mu orders what several runs write.
type programOutput struct {
	c     *command
	once  bool
	ended chan ending // of the first run, if it is the only one

	mu sync.Mutex
}

type ending struct {
	code int
	err  error
}

// line passes a line on: what the program logs goes where its standard output goes, as the vendor's local server has it.
func (o *programOutput) line(stream uint8, message []byte) {
	w := o.c.stdout
	if stream == 2 {
		w = o.c.stderr
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	w.Write(append(message[:len(message):len(message)], '\n'))
}

func (o *programOutput) end(code int, err error) {
	if o.once {
		select {
		case o.ended <- ending{code, err}:
		default: // a program that asks itself runs more than once: the first is the one that counts
		}
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil:
		o.c.note("the program failed: %s", err)
	case code != 0:
		o.c.note("the program ended with code %d", code)
	}
}

// attempts is how often a program is started whose module is still being compiled; each waits for half a minute.
const attempts = 6

// runOnce has the program answer one request, and returns its exit code as an error.
func (o *programOutput) runOnce(ctx context.Context, l *localNode) error {
	for range attempts {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.node.Addr()+"/", nil)
		if err != nil {
			return err
		}
		q.Host = "example.com"
		r, err := http.DefaultTransport.RoundTrip(q)
		if ctx.Err() != nil {
			return hint(errors.New("the program was ended by a signal"), "start it again to see the rest")
		}
		if err != nil {
			return hint(fmt.Errorf("run the program: %w", err), "the local node could not be asked")
		}
		_, err = io.Copy(io.Discard, r.Body) // a program runs on while it is read
		r.Body.Close()
		if err == nil && r.StatusCode == http.StatusServiceUnavailable && strings.Contains(r.Header.Get("Cache-Status"), "detail=function-unavailable") {
			continue
		}
		select {
		case e := <-o.ended:
			return e.exit()
		case <-time.After(time.Minute):
			return hint(fmt.Errorf("the program was not run: the local node answered %s", r.Status), `"wedge function run FILE", without arguments, says why`)
		}
	}
	return hint(errors.New("the program was not run: its module is not compiled yet"), "the machine is busy; try again")
}

func (e ending) exit() error {
	switch {
	case e.err != nil:
		return hint(fmt.Errorf("the program failed: %w", e.err), "what it wrote before stands above")
	case e.code != 0:
		return exitCode(e.code)
	}
	return nil
}
