package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// Exit codes. Scripts rely on them.
const (
	exitOK     = 0 // done
	exitFailed = 1 // understood, but it did not work
	exitUsage  = 2 // not understood
)

// cli is every command, in the order in which help lists them.
type cli struct {
	Help helpFlag `short:"h" help:"Say how it is used."`

	Serve      serveCommand     `cmd:"" help:"Run a node."`
	Demo       demoCommand      `cmd:"" help:"Run a node, an origin and the example functions, all in one."`
	Dev        devCommand       `cmd:"" help:"Run a function while it is being written: build it, run it on a node, build it again when a file changes."`
	Check      checkCommand     `cmd:"" help:"Check a configuration without using it."`
	Record     recordCommand    `cmd:"" help:"Write down exchanges of a node that serves, with all that their functions asked and did."`
	Replay     replayCommand    `cmd:"" help:"Run the functions of a recording again, and say what differs."`
	Status     statusCommand    `cmd:"" help:"Say how a node is."`
	Function   functionCommands `cmd:"" help:"Functions: upload, versions, switch, logs."`
	Cache      cacheCommands    `cmd:"" help:"Stored responses."`
	KV         kvCommands       `cmd:"" name:"kv" help:"The stores that functions use."`
	Config     configCommands   `cmd:"" help:"The configuration of a node that runs."`
	Completion completionScript `cmd:"" help:"Print a script that completes commands, flags and names in a shell."`
	Version    versionCommand   `cmd:"" help:"Print the version of wedge and of what it is made of."`

	// Complete is asked by the scripts of completion, never by a person.
	Complete completeCommand `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"What the scripts of completion ask."`
	// Compile is started by serve, never by a person.
	Compile compileCommand `cmd:"" hidden:"" help:"Compile a module in a process of its own."`
	Hold    holdCommand    `cmd:"" hidden:"" help:"Hold a function against conversations in a process of its own."`
}

// run does what args ask for and returns the exit code of the process. It is all of main, so that tests can call it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return newCommand(stdin, stdout, stderr).run(args)
}

func newCommand(stdin io.Reader, stdout, stderr io.Writer) *command {
	c := &command{stdin: stdin, stdout: stdout, stderr: stderr, env: os.LookupEnv, context: context.Background(), patience: patience, pause: logPause}
	c.shows = isTerminal(stderr)
	c.asks = c.shows && isTerminal(stdin)
	return c
}

func (c *command) run(args []string) int {
	parser := newParser(c.stdout, c.stderr)
	ctx, err := parser.Parse(args)
	if err == nil {
		err = ctx.Run(c)
		return c.report(err)
	}

	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context == nil {
		return c.report(usage(err))
	}
	switch {
	case errors.Is(err, errHelp):
		return c.report(parse.Context.PrintUsage(false))
	case incomplete(parse):
		// Asked for nothing that can be done: the help is the hint.
		parser.Stdout = c.stderr
		if err := parse.Context.PrintUsage(false); err != nil {
			return c.report(err)
		}
		return exitUsage
	}
	return c.report(explain(parse))
}

// newParser makes what reads the arguments and knows every command.
func newParser(stdout, stderr io.Writer) *kong.Kong {
	parser, err := kong.New(&cli{},
		kong.Name("wedge"),
		kong.Description("A programmable CDN node: an HTTP cache that runs your WebAssembly functions."),
		kong.NoDefaultHelp(), // ours does not end the process: see helpFlag
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr),
		kong.Vars{"config": defaultConfig},
	)
	if err != nil {
		panic("BUG: command line: " + err.Error()) // a wrong tag in cli, found by every test that calls run
	}
	return parser
}

// helpFlag is --help. kong's own calls os.Exit while it parses; this one ends the parse with an error that run
// turns into the page, so that nothing below main ends the process.
type helpFlag bool

var errHelp = errors.New("help was asked for")

// BeforeReset is kong's hook for a flag that was given.
func (helpFlag) BeforeReset() error { return errHelp }

// report prints err, if there is one, and returns the exit code.
func (c *command) report(err error) int {
	if err == nil {
		return exitOK
	}
	var code exitCode
	if errors.As(err, &code) {
		return int(code) // everything has been said
	}
	for _, p := range complaints(c.advise(err)) {
		p.print(c.stderr)
	}
	var wrong *usageError
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailed
}
