package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/edge/admin"
)

// functionCommands are about functions: the modules that a node runs.
type functionCommands struct {
	New      functionNew      `cmd:"" help:"Make a project for a function, in Go, Rust, AssemblyScript, C, JavaScript or TypeScript."`
	Build    functionBuild    `cmd:"" help:"Compile a project to a module, check it, and say what it costs."`
	Test     functionTest     `cmd:"" help:"Hold a function against conversations, on a node of its own."`
	Run      functionRun      `cmd:"" help:"Run a program for Fastly Compute on a node of its own, in the world that its fastly.toml describes."`
	Deploy   functionDeploy   `cmd:"" help:"Upload a module as a new version of a function, and run it."`
	List     functionList     `cmd:"" help:"List functions."`
	Show     functionShow     `cmd:"" help:"Show a function, its versions and who calls it."`
	Diff     functionDiff     `cmd:"" help:"Tell by what two versions differ: hooks, imports, sections, size, and the fuel of an empty call."`
	Promote  functionPromote  `cmd:"" help:"Run the canary for everybody."`
	Rollback functionRollback `cmd:"" help:"Give canary and shadow up; without any, run the version that ran before."`
	Activate functionActivate `cmd:"" help:"Run a version that the node keeps."`
	Disable  functionDisable  `cmd:"" help:"Switch a function off, in an emergency."`
	Enable   functionEnable   `cmd:"" help:"Switch a function on again."`
	Delete   functionDelete   `cmd:"" help:"Delete an uploaded function with all its versions."`
	Logs     functionLogs     `cmd:"" help:"Print what a function logged."`
	Fuel     functionFuel     `cmd:"" help:"Measure what a module costs, here and without a node."`
}

// functionFlags are embedded by the commands about one function.
type functionFlags struct {
	jsonFlag
	ownerFlag
	nodeFlags
}

type functionList struct {
	All bool `name:"all" help:"Of every owner; for the operator."`
	functionFlags
}

func (f functionList) Run(c *command) error {
	if f.All && f.Owner != "" {
		return hint(usage(fmt.Errorf("--all and --owner are both given")), "leave one of them out")
	}
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Functions(c.context, f.Owner, f.All)
	if err != nil {
		return err
	}
	if len(a.V.Functions) == 0 && !f.JSON {
		c.note("there are no functions; \"wedge function deploy NAME FILE\" uploads one")
		return nil
	}
	return c.answer(f.jsonFlag, a.Raw, func(w io.Writer) error {
		t := newTable(w)
		t.row("NAME", "STATE", "HOOKS", "FROM", "DEPLOYED", "MESSAGE")
		for _, fn := range a.V.Functions {
			v := activeOf(fn)
			t.row(owned(fn.Owner, fn.Name), runs(fn.Active, fn.Disabled), strings.Join(v.Hooks, " "), source(fn.Source), timeText(v.Created), v.Message)
		}
		return t.flush()
	})
}

// activeOf is the version that runs, as far as the node tells about it.
func activeOf(f admin.Function) admin.Version {
	for _, v := range f.Versions {
		if v.Hash == f.Active {
			return v
		}
	}
	return admin.Version{}
}

func source(s admin.Source) string {
	switch s {
	case admin.Uploaded:
		return "upload"
	case admin.FromFile:
		return "configuration"
	case admin.Awaited:
		return "awaits its upload"
	}
	return string(s) // of a newer node
}

type functionShow struct {
	Name string `arg:"" complete:"function" help:"Name of the function."`
	functionFlags
}

func (f functionShow) Run(c *command) error {
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Function(c.context, f.Owner, f.Name)
	if err != nil {
		return err
	}
	return c.answer(f.jsonFlag, a.Raw, func(w io.Writer) error { return printFunction(w, a.V) })
}

func printFunction(w io.Writer, f admin.Function) error {
	t := newTable(w)
	t.row("function", owned(f.Owner, f.Name))
	t.row("state", runs(f.Active, f.Disabled))
	t.row("from", source(f.Source))
	callers := "no site"
	if len(f.Bindings) > 0 {
		callers = strings.Join(f.Bindings, ", ")
	}
	t.row("called by", callers)
	printCanary(t, f)
	if err := t.flush(); err != nil {
		return err
	}
	if err := printVersions(w, f); err != nil {
		return err
	}
	if err := printUsage(w, f); err != nil {
		return err
	}
	return printFailures(w, f.Failures)
}

// runsAs is what a version does now, in a word; "" if nothing.
func runsAs(f admin.Function, version string) string {
	switch {
	case version == f.Active && f.Disabled:
		return "disabled"
	case version == f.Active:
		return "now"
	case f.Canary != nil && version == f.Canary.Version:
		return "canary"
	case f.Shadow != nil && version == f.Shadow.Version:
		return "shadow"
	case len(f.Past) > 0 && version == f.Past[len(f.Past)-1]:
		return "before"
	}
	return ""
}

func printVersions(w io.Writer, f admin.Function) error {
	if len(f.Versions) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := newTable(w)
	t.row("VERSION", "RUNS", "SIZE", "ABI", "HOOKS", "DEPLOYED", "BY", "MESSAGE")
	for _, v := range f.Versions {
		t.row(short(v.Hash), runsAs(f, v.Hash), bytesText(int64(v.Size)), v.ABI, strings.Join(v.Hooks, " "), timeText(v.Created), v.By, v.Message)
	}
	return t.flush()
}
