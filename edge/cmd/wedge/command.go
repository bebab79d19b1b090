package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// A command is what a command may touch of the process that runs it. Each Run method gets one; tests make their own.
type command struct {
	stdin  io.Reader
	stdout io.Writer                   // the answer, and nothing else
	stderr io.Writer                   // errors, hints, progress
	env    func(string) (string, bool) // os.LookupEnv
	asks   bool                        // a person at a terminal can be asked
	shows  bool                        // stderr is a terminal, on which progress may be shown
	asked  *place                      // the node that the command asked, once it has

	context  context.Context // what requests run under; it ends with the process, in tests earlier
	patience time.Duration   // how long completion waits for a node
	pause    time.Duration   // between two looks at a node whose logs are followed
}

// note says on stderr what belongs to no answer.
func (c *command) note(format string, args ...any) {
	fmt.Fprintf(c.stderr, "wedge: note: %s\n", clean(fmt.Sprintf(format, args...)))
}

// jsonFlag is embedded by every command that answers something.
type jsonFlag struct {
	JSON bool `name:"json" help:"Answer in JSON. Fields are only ever added."`
}

// answer prints v as JSON if that was asked for, else by text. An answer that cannot be written (a full disk, a
// closed pipe) is an error: a script must not take half of one for the whole.
func (c *command) answer(asked jsonFlag, v any, text func(io.Writer) error) error {
	if !asked.JSON {
		return text(c.stdout)
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	_, err = c.stdout.Write(append(b, '\n'))
	return err
}

// line is a text of one line, for answer.
func line(format string, args ...any) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, clean(fmt.Sprintf(format, args...))+"\n")
		return err
	}
}
