package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/config"
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

// A complaint is what stands on stderr for one thing that is wrong.
type complaint struct {
	text    string
	snippet string // the line of a file and a mark under the place
	hint    string
}

// complaints takes an error apart: there is one complaint, or one for each problem of a configuration.
func complaints(err error) (all []complaint) {
	var own config.Errors
	if errors.As(err, &own) && len(own) > 0 && !hasHint(err) {
		for _, p := range own {
			all = append(all, complaint{p.Error(), p.Snippet, p.Hint})
		}
		return all
	}
	c := complaint{text: err.Error()}
	var hinted *hintedError
	if errors.As(err, &hinted) {
		c.hint = hinted.hint
	}
	var refused *admin.Error
	if !errors.As(err, &refused) {
		return append(all, c)
	}
	if refused.Code == admin.NotFound || refused.Code == admin.Conflict || strings.Contains(refused.Message, refused.Field) {
		c.text = refused.Message // it names the thing; that this was the parameter "name" says nothing here
	}
	if len(refused.Problems) > 0 {
		for _, p := range refused.Problems {
			at := config.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.Message}
			all = append(all, complaint{at.Error(), p.Snippet, p.Hint})
		}
	}
	return append(all, c)
}

// print writes a complaint in the lines that every error of wedge has.
func (p complaint) print(w io.Writer) {
	p.printAs(w, "error")
}

func (p complaint) printAs(w io.Writer, what string) {
	fmt.Fprintf(w, "wedge: %s: %s\n", what, clean(p.text))
	for l := range strings.Lines(p.snippet) {
		fmt.Fprintln(w, clean(strings.TrimRight(l, "\n")))
	}
	if p.hint != "" {
		fmt.Fprintf(w, "wedge: hint: %s\n", clean(p.hint))
	}
}

func hasHint(err error) bool {
	var hinted *hintedError
	return errors.As(err, &hinted)
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
	if number, ok := strings.CutPrefix(text, "unknown flag -"); ok && strings.Trim(number, "0123456789") == "" {
		return hint(err, "a negative number comes last, behind --, as in: %s counters visits -- -5", node.FullPath())
	}
	if found {
		return hint(err, "did you mean %s", near)
	}
	return hint(err, `"%s --help" says how it is used`, node.FullPath())
}

// An exitCode is an error that has been told already; only the code is left.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
