package sandbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"unicode"

	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/meter"
)

// Kind says what ended a guest's call. Its text stands in logs and metrics and does not change.
type Kind string

const (
	Unreachable   Kind = "unreachable"    // the guest gave up: a panic or an abort of its language
	OutOfBounds   Kind = "out_of_bounds"  // an access outside its memory
	BadTable      Kind = "table"          // an access outside a table, or to an empty entry
	BadIndirect   Kind = "indirect_call"  // a call through a pointer of the wrong type
	Arithmetic    Kind = "arithmetic"     // division by zero, overflow, a conversion that does not fit
	StackOverflow Kind = "stack_overflow" // too many calls within calls
	Exit          Kind = "exit"           // the guest ended itself
	Budget        Kind = "budget"         // a *limit.Exceeded
	Cancelled     Kind = "cancelled"      // the caller's context ended
	Refused       Kind = "host"           // a host function ended the call
	HostBug       Kind = "host_bug"       // a host function panicked
	Other         Kind = "other"
)

// Trap is the error of a guest's call that did not return. The instance is gone with it.
type Trap struct {
	Kind         Kind
	Message      string  // one line for the log
	Stack        []Frame // the guest's functions, innermost first, at most 30
	LastHostCall string  // "module.name" of the host function that the guest called last; empty if none
	Err          error   // *limit.Exceeded, the error given to Call.Trap, or the context's; nil for the guest's own traps
}

// Frame is a function that a guest was in.
type Frame struct {
	Function string // its name, or "$" and its index; of a host function with its module's name in front
	// Offset is where in it, as engine.Module.Locate understands it. 0 if that is not known.
	Offset int
}

// String returns the function's name.
func (f Frame) String() string { return f.Function }

// Error returns the message with the innermost function.
func (t *Trap) Error() string {
	if len(t.Stack) > 0 {
		return fmt.Sprintf("guest ended: %s (in %s)", t.Message, t.Stack[0].Function)
	}
	return "guest ended: " + t.Message
}

// Unwrap returns the cause: errors.As finds a *limit.Exceeded.
func (t *Trap) Unwrap() error { return t.Err }

// trapOf turns what the engine returns into a Trap. The module has that many imports.
func trapOf(err error, last *hostcall.Func, imports int) *Trap {
	text, trace, _ := strings.Cut(err.Error(), "\nwasm stack trace:\n\t")
	trace, _, _ = strings.Cut(trace, "\n\n") // behind it: the stack of Go
	t := &Trap{Kind: Other, Message: firstLine(text), Stack: frames(trace, imports)}
	if last != nil {
		t.LastHostCall = last.Module + "." + last.Name
	}

	var unwind *hostcall.Unwind
	var spent *limit.Exceeded
	var exit interface{ ExitCode() uint32 }
	var bug runtime.Error
	switch {
	case errors.As(err, &unwind):
		t.Kind, t.Err, t.Message = Refused, unwind.Err, firstLine(unwind.Err.Error())
		switch {
		case errors.As(unwind.Err, &spent):
			t.Kind = Budget
		case errors.Is(unwind.Err, errStack):
			t.Kind = StackOverflow
		case errors.As(unwind.Err, &exit):
			t.Kind = Exit
		case unwind.Err == errDeepStack:
			t.Kind, t.Err = StackOverflow, nil
		case errors.Is(unwind.Err, context.Canceled), errors.Is(unwind.Err, context.DeadlineExceeded):
			t.Kind = Cancelled
		}
	case errors.As(err, &bug), strings.HasSuffix(text, "(recovered by wazero)"):
		t.Kind, t.Err = HostBug, err
	default:
		t.Message = strings.TrimPrefix(t.Message, "wasm error: ")
		t.Kind = kindOf(t.Message)
	}
	return t
}

// kindOf knows the engine's traps by their text: their values are internal to it.
func kindOf(message string) Kind {
	switch message {
	case "unreachable":
		return Unreachable
	case "out of bounds memory access":
		return OutOfBounds
	case "invalid table access":
		return BadTable
	case "indirect call type mismatch", "null reference":
		return BadIndirect
	case "integer overflow", "integer divide by zero", "invalid conversion to integer":
		return Arithmetic
	case "stack overflow":
		return StackOverflow
	}
	return Other
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	const most = 500
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

// frames reads a trace, in which each line is a function with its signature. The offset of its instruction stands in the
// line below it, further to the right, if the module has marks; see engine.
//
// A function without a name is "$" and its number. The meter's import stands behind those of the module, so what comes
// after it has moved by one.
func frames(trace string, imports int) []Frame {
	var out []Frame
	hidden := false // the function above is one of the meter's
	for line := range strings.SplitSeq(trace, "\n\t") {
		if mark, ok := strings.CutPrefix(line, "\t0x"); ok {
			mark, _, _ = strings.Cut(mark, ":")
			if n, err := strconv.ParseInt(mark, 16, 32); err == nil && len(out) > 0 && !hidden {
				out[len(out)-1].Offset = int(n)
			}
			continue
		}
		name := strings.TrimPrefix(withoutSignature(line), ".")
		if hidden = name == "" || strings.HasPrefix(name, meter.TickModule+"."); hidden {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(name, "$")); err == nil && name[0] == '$' && n > imports {
			name = "$" + strconv.Itoa(n-1)
		}
		out = append(out, Frame{Function: printable(name)})
	}
	return out
}

// printable leaves what may stand in a log and on a terminal: the names are the guest's.
func printable(name string) string {
	if len(name) > 200 {
		name = name[:200] + "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
}

// withoutSignature cuts "main.(*T).f(i32,i64) (i32,i32)" after f. What is no function is empty.
func withoutSignature(line string) string {
	at := strings.LastIndexByte(line, '(')
	if at > 1 && line[at-2:at] == ") " { // that was a list of results
		line = line[:at-1]
		at = strings.LastIndexByte(line, '(')
	}
	return line[:max(at, 0)]
}
