package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

const (
	logPage  = 1000        // lines that are asked for at a time; a node keeps as many of a function
	logPause = time.Second // between two looks at the node, while following
)

type functionLogs struct {
	Name   string `arg:"" complete:"function" help:"Name of the function."`
	Follow bool   `name:"follow" short:"f" help:"Go on with new lines as they come, until interrupted."`
	Lines  int    `name:"lines" short:"n" default:"100" placeholder:"N" help:"How many lines to begin with, counted from the end. ${default} unless said."`
	functionFlags
}

func (f functionLogs) Run(c *command) error {
	if f.Lines < 1 {
		return hint(usage(fmt.Errorf("--lines is %d", f.Lines)), "say at least 1")
	}
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	var cursor uint64
	want := min(f.Lines, logPage)
	for {
		a, err := node.Logs(c.context, f.Owner, f.Name, cursor, want)
		if f.Follow && c.context.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f.print(c.stdout, a.V.Lines); err != nil {
			return err
		}
		full := len(a.V.Lines) >= want && cursor > 0
		cursor, want = a.V.Cursor, logPage
		switch {
		case !f.Follow:
			return nil
		case !full: // otherwise there is more already
			select {
			case <-time.After(c.pause):
			case <-c.context.Done():
				return nil
			}
		}
	}
}

// print writes lines as they are for people, or one object a line: a stream has no end that could close a list.
func (f functionLogs) print(w io.Writer, lines []admin.LogLine) error {
	for _, l := range lines {
		text := []byte(l.Time.Local().Format("15:04:05.000") + "  " + clean(fmt.Sprintf("%-5s  %s", l.Level, l.Message)))
		if f.JSON {
			var err error
			if text, err = json.Marshal(l); err != nil {
				return fmt.Errorf("encode the answer: %w", err)
			}
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return nil
}
