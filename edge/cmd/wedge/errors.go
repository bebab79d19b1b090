package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// A usageError is the caller's: the exit code is 2 and nothing was done.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(err error) error { return &usageError{err} }

// A hintedError carries the next step to take, printed in a line of its own.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

// hint adds to err what its reader can do about it.
func hint(err error, format string, args ...any) error {
	return &hintedError{err, fmt.Sprintf(format, args...)}
}

// chosen is the command that the arguments led to before they went wrong; the root if to none.
func chosen(parse *kong.ParseError) *kong.Node {
	if n := parse.Context.Selected(); n != nil {
		return n
	}
	return parse.Context.Model.Node
}

// incomplete says whether the arguments are right as far as they go, but end before a verb: "wedge", "wedge cache".
func incomplete(parse *kong.ParseError) bool {
	return parse.Context.Error == nil && !chosen(parse).Leaf()
}

// explain puts kong's complaint into our words: what is wrong in one line, the nearest name or the next step in
// the other.
func explain(parse *kong.ParseError) error {
	node := chosen(parse)
	text, near, found := strings.Cut(parse.Error(), ", did you mean ")
	if word, ok := strings.CutPrefix(text, "unexpected argument "); ok && !node.Leaf() {
		text = fmt.Sprintf("unknown command %q", strings.TrimPrefix(node.FullPath()+" "+word, "wedge "))
	}
	if args, ok := strings.CutPrefix(text, "expected "); ok && parse.Context.Error == nil {
		text = "missing argument " + strings.ReplaceAll(args, `"`, "")
	}
	if flag, rest, ok := strings.Cut(text, ": expected "); ok && strings.HasSuffix(rest, `got "EOL" (<EOL>)`) {
		text = flag + " needs a value"
	}
	err := usage(fmt.Errorf("%s", text))
	if found {
		return hint(err, "did you mean %s", near)
	}
	return hint(err, `"%s --help" says how it is used`, node.FullPath())
}

// An exitCode is an error that has been told already; only the code is left.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
