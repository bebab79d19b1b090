package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// isTerminal says whether somebody sits behind a stream. The null device is a device of characters as terminals are.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok || f == nil {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// yesFlag is embedded by commands that cannot be undone.
type yesFlag struct {
	Yes bool `name:"yes" help:"Do it without asking."`
}

// confirm asks before something that cannot be undone. It returns nil if it may be done: --yes was given, or the
// person at the terminal said so. Where nobody can be asked, nothing is done.
func (c *command) confirm(f yesFlag, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if f.Yes {
		return nil
	}
	if !c.asks {
		return hint(usage(fmt.Errorf("cannot ask whether to %s", what)), "add --yes if that is meant")
	}
	fmt.Fprintf(c.stderr, "wedge: %s? [y/N] ", what)
	line, err := bufio.NewReader(io.LimitReader(c.stdin, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return hint(fmt.Errorf("did not %s", what), `answer "y", or add --yes`)
}
