package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// A command is what a command may touch of the process that runs it. Each Run method gets one; tests make their own.
type command struct {
	stdin  io.Reader
	stdout io.Writer                   // the answer, and nothing else
	stderr io.Writer                   // errors, hints, progress
	env    func(string) (string, bool) // os.LookupEnv
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
