package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

type functionDeploy struct {
	Name       string   `arg:"" complete:"function" help:"Name of the function; a new one is made."`
	File       string   `arg:"" complete:"file" help:"The module, a file of WebAssembly; - reads it from stdin."`
	Message    string   `name:"message" short:"m" placeholder:"TEXT" help:"A note to the version."`
	NoActivate bool     `name:"no-activate" help:"Keep the version without running it."`
	Cases      []string `name:"cases" type:"path" sep:"none" placeholder:"FILE" complete:"file" help:"Conversations that the version must hold on the node before it runs; *.cases beside the module unless said. It may be given again."`
	NoTest     bool     `name:"no-test" help:"Run it without holding it against conversations."`
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
	conversations, err := f.conversations()
	if err != nil {
		done()
		return err
	}
	upload := client.Module{Body: watched, Size: size, Message: f.Message, Keep: f.NoActivate || conversations != nil, Trial: f.trial()}
	if conversations != nil {
		upload.Trial = client.Trial{} // the version is kept, tested, and only then tried
	}
	a, err := node.Deploy(c.context, f.Owner, f.Name, upload)
	done()
	if err != nil {
		return err
	}
	if conversations != nil {
		if err := f.hold(c, node, a.V.Version.Hash, conversations); err != nil {
			return err
		}
		if !f.NoActivate {
			if a, err = node.Activate(c.context, f.Owner, f.Name, a.V.Version.Hash, f.trial()); err != nil {
				return err
			}
		}
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

// conversations are what the version is held against; nil if there is nothing.
func (f functionDeploy) conversations() (cases []admin.Case, err error) {
	files := f.Cases
	if f.NoTest {
		if len(files) > 0 {
			return nil, hint(usage(fmt.Errorf("--cases and --no-test are both given")), "leave one of them out")
		}
		return nil, nil
	}
	if len(files) == 0 && f.File != "-" {
		if files, err = filepath.Glob(filepath.Join(filepath.Dir(f.File), "*.cases")); err != nil {
			return nil, nil // the folder's name is none that can be searched
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		cases = append(cases, admin.Case{Name: filepath.Base(file), Text: string(text)})
	}
	return cases, nil
}

// hold has the node hold a version that it keeps against conversations.
func (f functionDeploy) hold(c *command, node *client.Client, version string, cases []admin.Case) error {
	t, err := node.Test(c.context, f.Owner, f.Name, admin.TestRequest{Version: version, Cases: cases})
	if refused, ok := errors.AsType[*admin.Error](err); ok && refused.Code == admin.Conflict && len(f.Cases) == 0 {
		c.note("%s: the version runs without having been held against its conversations", refused.Message)
		return nil
	}
	if err != nil {
		return hint(fmt.Errorf("version %s is kept and does not run: %w", short(version), err), "--no-test runs a version without holding it against conversations")
	}
	for _, r := range t.V.Cases {
		verdict := "ok"
		if !r.OK {
			verdict = "FAILED"
		}
		fmt.Fprintf(c.stderr, "wedge: %s: %s\n", clean(r.Name), verdict)
		if !r.OK {
			for l := range strings.Lines(r.Difference) {
				fmt.Fprintln(c.stderr, clean(strings.TrimSuffix(l, "\n")))
			}
		}
	}
	if t.V.Failed > 0 {
		return hint(fmt.Errorf("%s of %s: %s; version %s is kept and does not run", counted(t.V.Failed, "conversation"), f.Name, differs, short(version)), "- is the file, + is what came; --no-test runs it all the same")
	}
	return nil
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
