package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

type functionDeploy struct {
	Name       string `arg:"" complete:"function" help:"Name of the function; a new one is made."`
	File       string `arg:"" complete:"file" help:"The module, a file of WebAssembly; - reads it from stdin."`
	Message    string `name:"message" short:"m" placeholder:"TEXT" help:"A note to the version."`
	NoActivate bool   `name:"no-activate" help:"Keep the version without running it."`
	trialFlags
	functionFlags
}

func (f functionDeploy) Run(c *command) error {
	if err := f.check(); err != nil {
		return err
	}
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	module, size, err := c.open(f.File)
	if err != nil {
		return err
	}
	defer module.Close()
	watched, done := c.watch(module, size, filepath.Base(f.File), "uploaded; the node checks and compiles it")
	a, err := node.Deploy(c.context, f.Owner, f.Name, client.Module{Body: watched, Size: size, Message: f.Message, Keep: f.NoActivate, Trial: f.trial()})
	done()
	if err != nil {
		return err
	}
	if err := c.answer(f.jsonFlag, a.Raw, deployedText(a.V)); err != nil {
		return err
	}
	// A name that is new may be a slip of the pen: the node takes it, and then nothing calls it. The deploy is done, so that whoever may not ask, or asks in vain, only misses the note.
	if a.V.Active && a.V.Previous == "" {
		if at, err := node.Function(c.context, f.Owner, f.Name); err == nil && len(at.V.Bindings) == 0 {
			c.note("no site calls %s yet: name it under functions: and in a site's functions: or handler: in the node's configuration", f.Name)
		}
	}
	return f.await(c, node, f.Owner, f.Name, a.V.Version.Hash)
}

// deployedText says which version of a function runs now, and which before.
func deployedText(d admin.Deployed) func(io.Writer) error {
	name, hash := owned(d.Owner, d.Name), short(d.Version.Hash)
	switch {
	case d.Canary != nil && d.Canary.Version == d.Version.Hash:
		return line("%s runs version %s for %s, for all others %s", name, hash, canaryWho(*d.Canary), short(d.Previous))
	case d.Shadow != nil && d.Shadow.Version == d.Version.Hash:
		return line("%s runs version %s on copies of %s of the exchanges, and serves %s", name, hash, d.Shadow.Share, short(d.Previous))
	case !d.Active:
		return line("%s keeps version %s, which does not run: wedge function activate %s %s", name, hash, d.Name, hash)
	case d.Previous == d.Version.Hash:
		return line("%s runs version %s, as before", name, hash)
	case d.Previous == "":
		return line("%s runs version %s", name, hash)
	}
	return line("%s runs version %s, before it was %s", name, hash, short(d.Previous))
}

type functionRollback struct {
	Name string `arg:"" complete:"function" help:"Name of the function."`
	functionFlags
}

func (f functionRollback) Run(c *command) error {
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Rollback(c.context, f.Owner, f.Name)
	if err != nil {
		return err
	}
	return c.answer(f.jsonFlag, a.Raw, deployedText(a.V))
}

type functionActivate struct {
	Name    string `arg:"" complete:"function" help:"Name of the function."`
	Version string `arg:"" complete:"version" help:"Hash of the version, or its first digits, at least 8."`
	trialFlags
	functionFlags
}

func (f functionActivate) Run(c *command) error {
	if err := f.check(); err != nil {
		return err
	}
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	if len(f.Version) < 8 {
		return hint(usage(fmt.Errorf("version %q is too short", f.Version)), `at least 8 digits name a version; "wedge function show %s" lists them`, f.Name)
	}
	a, err := node.Activate(c.context, f.Owner, f.Name, f.Version, f.trial())
	if err != nil {
		return err
	}
	if err := c.answer(f.jsonFlag, a.Raw, deployedText(a.V)); err != nil {
		return err
	}
	return f.await(c, node, f.Owner, f.Name, a.V.Version.Hash)
}
