package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/wedgecdn/wedge/edge/config"
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

	Serve   serveCommand   `cmd:"" help:"Run a node."`
	Demo    demoCommand    `cmd:"" help:"Run a node, an origin and the example functions, all in one."`
	Version versionCommand `cmd:"" help:"Print the version of wedge and of what it is made of."`

	// Compile is started by serve, never by a person.
	Compile compileCommand `cmd:"" hidden:"" help:"Compile a module in a process of its own."`
}

// run does what args ask for and returns the exit code of the process. It is all of main, so that tests can call it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{stdin: stdin, stdout: stdout, stderr: stderr, env: os.LookupEnv}
	parser, err := kong.New(&cli{},
		kong.Name("wedge"),
		kong.Description("A programmable CDN node: an HTTP cache that runs your WebAssembly functions."),
		kong.NoDefaultHelp(), // ours does not end the process: see helpFlag
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr),
	)
	if err != nil {
		panic("BUG: command line: " + err.Error()) // a wrong tag in cli, found by every test that calls run
	}
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
		parser.Stdout = stderr
		if err := parse.Context.PrintUsage(false); err != nil {
			return c.report(err)
		}
		return exitUsage
	}
	return c.report(explain(parse))
}

// helpFlag is --help. kong's own calls os.Exit while it parses; this one ends the parse with an error that run
// turns into the page, so that nothing below main ends the process.
type helpFlag bool

var errHelp = errors.New("help was asked for")

// BeforeReset is kong's hook for a flag that was given.
func (helpFlag) BeforeReset() error { return errHelp }

// report prints err, if there is one, in the two lines that every error of wedge has, and returns the exit code.
func (c *command) report(err error) int {
	if err == nil {
		return exitOK
	}
	var code exitCode
	if errors.As(err, &code) {
		return int(code) // everything has been said
	}
	var problems config.Errors
	if errors.As(err, &problems) {
		// Each with its place and its own hint.
		fmt.Fprint(c.stderr, problems.Text())
		return exitFailed
	}
	fmt.Fprintf(c.stderr, "wedge: error: %v\n", err)
	var hinted *hintedError
	if errors.As(err, &hinted) {
		fmt.Fprintf(c.stderr, "wedge: hint: %s\n", hinted.hint)
	}
	var wrong *usageError
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailed
}
