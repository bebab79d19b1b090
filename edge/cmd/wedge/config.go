package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/config"
)

// configCommands are about the configuration of a node that runs.
type configCommands struct {
	Show  configShow  `cmd:"" help:"Show the configuration in effect, with defaults and without secrets."`
	Apply configApply `cmd:"" help:"Replace the node's configuration file and put it into effect."`
}

type configShow struct {
	jsonFlag
	nodeFlags
}

func (s configShow) Run(c *command) error {
	node, err := c.node(s.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Config(c.context)
	if err != nil {
		return err
	}
	return c.answer(s.jsonFlag, a.Raw, func(w io.Writer) error {
		_, err := io.WriteString(w, a.V.YAML)
		return err
	})
}

type configApply struct {
	File   string `arg:"" complete:"file" help:"The new configuration, whole; - reads it from stdin."`
	DryRun bool   `name:"dry-run" help:"Only check it, and say what would change."`
	jsonFlag
	nodeFlags
}

func (s configApply) Run(c *command) error {
	node, err := c.node(s.nodeFlags)
	if err != nil {
		return err
	}
	file, _, err := c.open(s.File)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, config.MaxFile+1))
	if err != nil {
		return hint(fmt.Errorf("read the configuration: %w", err), "name a file that can be read")
	}
	if len(text) > config.MaxFile {
		return hint(fmt.Errorf("%s is longer than a configuration can be", s.File), "the most is %s", bytesText(config.MaxFile))
	}
	a, err := node.Apply(c.context, text, s.DryRun)
	if err != nil {
		return err
	}
	return c.answer(s.jsonFlag, a.Raw, func(w io.Writer) error { return printApplied(w, a.V) })
}

func printApplied(w io.Writer, a admin.ConfigApplied) error {
	if len(a.Changes) > 0 {
		t := newTable(w)
		t.row("CHANGE", "OF", "FROM", "TO", "IN EFFECT")
		for _, ch := range a.Changes {
			when := "now"
			if ch.Restart {
				when = "after a restart"
			}
			t.row(ch.Kind, ch.Path, ch.Old, ch.New, when)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	text := "applied"
	switch {
	case !a.Applied:
		text = "right, and not applied: this was a dry run"
	case len(a.Changes) == 0:
		text += "; nothing is different"
	}
	if a.Kept != "" {
		text += "; the text of before is in " + a.Kept
	}
	if len(a.Restart) > 0 {
		text += "; only after a restart: " + strings.Join(a.Restart, ", ")
	}
	return line("%s", text)(w)
}
