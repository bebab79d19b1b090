package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one complaint about a configuration.
type Problem struct {
	File    string `json:"file,omitempty"`    // as the caller named it
	Line    int    `json:"line,omitempty"`    // from 1; 0 if the complaint is about no line
	Column  int    `json:"column,omitempty"`  // from 1, in characters
	Message string `json:"message"`           // what is wrong
	Hint    string `json:"hint,omitempty"`    // what to do
	Snippet string `json:"snippet,omitempty"` // the line and a mark under the place; absent where the line may show a secret

	cause error
}

// Error says place and message in one line.
func (p Problem) Error() string {
	switch {
	case p.File == "":
		return p.Message
	case p.Line == 0:
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Unwrap returns the error of the operating system behind the problem, if there is one.
func (p Problem) Unwrap() error { return p.cause }

// Errors is every complaint about a configuration, in the order of the file.
type Errors []Problem

// Error puts all complaints into one line each.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Text is what a terminal shows: for each complaint a line "error:", the place in the file, and a line "hint:".
func (e Errors) Text() string {
	var b strings.Builder
	for _, p := range e {
		b.WriteString("error: " + p.Error() + "\n")
		if p.Snippet != "" {
			b.WriteString(p.Snippet + "\n")
		}
		if p.Hint != "" {
			b.WriteString("hint: " + p.Hint + "\n")
		}
	}
	return b.String()
}

// Unwrap lets errors.Is and errors.As look at each complaint.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, p := range e {
		errs[i] = p
	}
	return errs
}

// complaint is what a single value has to say against its text; the decoder adds the place.
type complaint struct {
	message, hint string
	private       bool // the line must not be shown
}

func (c *complaint) Error() string { return c.message }

func complain(hint, format string, args ...any) *complaint {
	return &complaint{message: fmt.Sprintf(format, args...), hint: hint}
}

// clip bounds what a message repeats of the file.
func clip(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return text
}

// printable takes from a message what a terminal would obey; keys of the file's maps may stand in it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}

func quote(text string) string { return strconv.Quote(clip(text)) }

// snippet shows one line of the file with its number, and a mark under width characters from column on. It shows 100 characters at
// most, and nothing that a terminal would obey.
func snippet(runes []rune, number, column, width int) string {
	const most = 100
	column = min(max(column, 1), len(runes)+1)
	start := 0
	if column > most-20 {
		start = column - most + 20
	}
	end := min(len(runes), start+most)
	var text, mark strings.Builder
	if start > 0 {
		text.WriteRune('…')
		mark.WriteRune(' ')
	}
	for i, r := range runes[start:end] {
		if !unicode.IsPrint(r) {
			r = ' '
		}
		text.WriteRune(r)
		if start+i+1 < column {
			mark.WriteRune(' ')
		}
	}
	if end < len(runes) {
		text.WriteRune('…')
	}
	mark.WriteString(strings.Repeat("^", min(max(width, 1), max(end-column+1, 1))))
	n := strconv.Itoa(number)
	gutter := strings.Repeat(" ", max(5-len(n), 1))
	return gutter + n + " | " + strings.TrimRight(text.String(), " ") + "\n" + gutter + strings.Repeat(" ", len(n)) + " | " + mark.String()
}
