package live

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/node"
)

// failure shows what failed, the place in the source with the lines about it, and what the function was doing:
//
//	on_request failed: unreachable
//	    deep        main.c:7:9
//	    on_request  main.c:40:9
//	       6 |     if (n == 0)
//	  >    7 |         __builtin_trap();
//	       8 |     return deep(n - 1);
//	  last host call: wedge.kv_get
//	  spent: fuel 1200, cpu 1.2ms of 50ms
//	  hint: ...
//
// lines are what the function logged in that exchange. One that was shown since the version came is told in a line.
func (v *View) failure(f *node.Failure, lines []admin.LogLine) {
	f.Locate()
	for i := range f.Stack {
		s := &f.Stack[i]
		s.Function = demangled(s.Function)
		if s.File == "" && s.Offset > 0 && v.o.Place != nil {
			if file, line, column, ok := v.o.Place(f.Version, s.Offset); ok {
				s.File, s.Line, s.Column = file, line, column
			}
		}
	}
	message := f.Message
	own := told(lines, f)
	if own >= 0 {
		message = lines[own].Message[len(f.During)+len(": "):]
	}
	text := v.color(red, clean(f.During)+" failed: "+clean(message)) + "\n"
	at, excerpt := v.source(f, lines)
	if own < 0 {
		text += stackText(f.Stack) + excerpt + spentText(&f.FunctionFailure)
	}
	if next := nextStep(f); next != "" {
		text += "hint: " + next + "\n"
	}
	if v.o.JSON {
		v.object(map[string]any{"event": "failure", "time": f.Last.UTC(), "text": text, "failure": f.FunctionFailure})
		return
	}
	key := f.During + "\x00" + f.Kind + "\x00" + message + "\x00" + stackText(f.Stack)
	if f.Kind == "budget" {
		key = f.During + "\x00" + f.Kind // it is spent here and there
	}
	if v.shown[key] {
		if at != "" {
			at = " at " + at
		}
		text = v.color(red, clean(f.During)+" failed as before: "+clean(message)+clean(at)) + "\n"
	} else if len(v.shown) < shownMost {
		v.shown[key] = true
	}
	for line := range strings.Lines(text) {
		v.write("  " + line)
	}
}

// told is the line with the error that the hook returned, -1 if there is none: SDKs log it before they let the hook fail.
func told(lines []admin.LogLine, f *node.Failure) int {
	if f.Kind != "other" {
		return -1
	}
	return slices.IndexFunc(lines, func(l admin.LogLine) bool { return l.Level == "error" && strings.HasPrefix(l.Message, f.During+": ") })
}

// Doing tells what a function was doing when it failed, a line for each thing: where it was, what it had asked the node last, what it had spent.
func Doing(f *admin.FunctionFailure) string {
	stack := slices.Clone(f.Stack)
	for i := range stack {
		stack[i].Function = demangled(stack[i].Function)
	}
	return stackText(stack) + spentText(f)
}

func stackText(stack []admin.GuestFrame) string {
	var b strings.Builder
	if len(stack) > 3 && !slices.ContainsFunc(stack, func(s admin.GuestFrame) bool { return place(s) != "" || !numbered.MatchString(s.Function) }) {
		return fmt.Sprintf("  %d frames, all without a name\n", len(stack)) // the engine of a script, whose numbers tell nobody anything
	}
	width := 0
	for _, s := range stack {
		width = max(width, min(utf8.RuneCountInString(s.Function), 48))
	}
	for _, s := range stack {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, clean(s.Function), clean(place(s))), " ") + "\n")
	}
	return b.String()
}

// numbered is what a function is called that has no name.
var numbered = regexp.MustCompile(`^\$\d+$`)

func spentText(f *admin.FunctionFailure) (text string) {
	if f.LastHostCall != "" {
		text = "last host call: " + clean(f.LastHostCall) + "\n"
	}
	if len(f.Budgets) > 0 {
		var all []string
		for _, b := range f.Budgets {
			all = append(all, clean(b.Text))
		}
		text += "spent: " + strings.Join(all, ", ") + "\n"
	}
	return text
}

// nextStep is what an author can do about a kind of failure.
func nextStep(f *node.Failure) string {
	switch f.Kind {
	case "budget":
		name, _, _ := strings.Cut(f.Message, " ")
		return "have the hook do less, or give the function more of it in wedge.yaml: limits: {" + clean(name) + ": ...}"
	case "exit":
		return "a hook returns and does not end its program"
	case "stack_overflow":
		return "does a function call itself without an end?"
	case "host_bug":
		return "this is an error in wedge: please report it"
	case "cancelled", "host":
		return ""
	}
	return "nothing that the hook changed took effect; on_failure of the binding says what clients get then: closed, open or stale"
}

// around is how many lines of source stand above and below the one that failed.
const around = 2

// placed is a place in a source that a message names: languages whose tables lose it say it in their panics.
var placed = regexp.MustCompile(`([A-Za-z0-9_./-]+\.(?:rs|ts|go|c|h)):(\d+)`)

// source shows the innermost line that is the author's, and says where it is.
func (v *View) source(f *node.Failure, lines []admin.LogLine) (at, excerpt string) {
	if v.o.Source == nil {
		return "", ""
	}
	for i := range f.Stack {
		s := &f.Stack[i]
		if s.File == "" || s.Line <= 0 {
			continue
		}
		if excerpt = v.excerpt(f.Version, s.File, s.Line); excerpt != "" {
			return place(*s), excerpt
		}
	}
	for i := len(lines) - 1; i >= 0; i-- {
		for _, m := range placed.FindAllStringSubmatch(lines[i].Message, 8) {
			line, err := strconv.Atoi(m[2])
			if err != nil {
				continue
			}
			if excerpt = v.excerpt(f.Version, m[1], line); excerpt != "" {
				return m[0], excerpt
			}
		}
	}
	return "", ""
}

// excerpt has the lines about one; "" if the file is none of the author's.
func (v *View) excerpt(version, file string, line int) string {
	all := v.o.Source(version, file)
	if line < 1 || line > len(all) {
		return ""
	}
	var b strings.Builder
	for n := max(1, line-around); n <= min(len(all), line+around); n++ {
		text := strings.TrimRight(fmt.Sprintf("%4d | %s", n, clean(strings.ReplaceAll(strings.TrimRight(all[n-1], " \t"), "\t", "    "))), " ")
		if n == line {
			b.WriteString(v.color(red, "> "+text) + "\n")
		} else {
			b.WriteString("  " + v.color(faint, text) + "\n")
		}
	}
	return b.String()
}

func place(s admin.GuestFrame) string {
	switch {
	case s.File != "" && s.Line > 0 && s.Column > 0:
		return fmt.Sprintf("%s:%d:%d", s.File, s.Line, s.Column)
	case s.File != "" && s.Line > 0:
		return fmt.Sprintf("%s:%d", s.File, s.Line)
	case s.Offset > 0:
		return fmt.Sprintf("offset %#x", s.Offset)
	}
	return ""
}

// demangled is the name of a function in Rust as its author writes it: _ZN, names with their lengths in front, a hash, E. Any other name stays.
//
// https://doc.rust-lang.org/rustc/symbol-mangling/index.html
func demangled(name string) string {
	rest, ok := strings.CutPrefix(name, "_ZN")
	if !ok {
		return name
	}
	var parts []string
	for !strings.HasPrefix(rest, "E") {
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || n == 0 || n > len(rest)-digits {
			return name
		}
		part := rest[digits : digits+n]
		if strings.HasPrefix(part, "_$") {
			part = part[1:] // a symbol begins with no dollar
		}
		parts = append(parts, part)
		rest = rest[digits+n:]
	}
	if last := len(parts) - 1; last > 0 && len(parts[last]) == 17 && parts[last][0] == 'h' {
		parts = parts[:last]
	}
	if len(parts) == 0 {
		return name
	}
	return unescape.Replace(strings.Join(parts, "::"))
}

// unescape undoes what Rust writes for characters that symbols cannot have.
var unescape = strings.NewReplacer("$u7b$", "{", "$u7d$", "}", "$LT$", "<", "$GT$", ">", "$RF$", "&", "$BP$", "*", "$C$", ",", "$u20$", " ", "$u27$", "'", "$u5b$", "[", "$u5d$", "]", "$LP$", "(", "$RP$", ")", "..", "::")
