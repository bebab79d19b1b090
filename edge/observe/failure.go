package observe

import (
	"fmt"
	"strings"
	"time"
)

// A Failure is a way in which a function failed, with all that its author may want to know. One that is met again is
// counted; what else it says is of the last time. It never goes to a client.
type Failure struct {
	Count       int64
	First, Last time.Time
	Request     string // of the last time
	Version     string
	During      string // a hook, or "initialise"
	Kind        string // of a trap
	Message     string

	LastHostCall string
	Spent        []Spent
	Stack        []Frame // innermost first
	// Log is what the function wrote in the exchange, the oldest line first: a panic says there what it is about.
	Log []string
}

// Spent is one budget of the exchange. Text is for people, as in "cpu 1.2ms of 50ms"; Limit is 0 if there is none.
type Spent struct {
	Budget       string
	Spent, Limit int64
	Text         string
}

// A Frame is a function that the guest was in. What is not known is zero.
type Frame struct {
	Function     string
	Offset       int
	File         string
	Line, Column int
}

// place is where in the source, or at least in the module, a frame is.
func (f *Frame) place() string {
	switch {
	case f.File != "" && f.Line > 0 && f.Column > 0:
		return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	case f.File != "" && f.Line > 0:
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	case f.Offset > 0:
		return fmt.Sprintf("offset %#x", f.Offset)
	}
	return ""
}

// Lines is the failure as people read it, below a first line that says what and when: the stack, the last call into
// the host and the budgets.
func (f *Failure) Lines() []string {
	var out []string
	width := 0
	for i := range f.Stack {
		width = max(width, min(len(f.Stack[i].Function), 48))
	}
	for i := range f.Stack {
		out = append(out, strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, f.Stack[i].Function, f.Stack[i].place()), " "))
	}
	if f.LastHostCall != "" {
		out = append(out, "last host call: "+f.LastHostCall)
	}
	if len(f.Spent) > 0 {
		var all []string
		for _, s := range f.Spent {
			all = append(all, s.Text)
		}
		out = append(out, "spent: "+strings.Join(all, ", "))
	}
	return out
}
