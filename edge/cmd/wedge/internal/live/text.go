package live

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/node"
)

// Colours of a terminal.
const (
	plain  = "\x1b[0m"
	faint  = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

func (v *View) color(color, text string) string {
	if !v.o.Colors || text == "" {
		return text
	}
	return color + text + plain
}

func (v *View) object(fields map[string]any) {
	b, err := json.Marshal(fields)
	if err != nil {
		panic("BUG: encode an event: " + err.Error()) // texts, numbers and what the operators' API encodes as well
	}
	v.write(string(b) + "\n")
}

func (v *View) told(t Told) {
	if v.o.JSON {
		fields := map[string]any{"event": t.Event, "time": time.Now().UTC(), "text": t.Text}
		if t.More != nil {
			fields["more"] = t.More
		}
		v.object(fields)
		return
	}
	for line := range strings.Lines(t.Text) {
		v.write(clean(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")) + "\n")
	}
}

// exchange shows, say:
//
//	07:01:02 GET /hello 200 answered 0.4 ms · on_request 812 fuel, 5 host calls · key +variant=b
func (v *View) exchange(s *node.Seen) {
	if v.o.JSON {
		calls := []map[string]any{}
		for _, c := range s.Calls {
			m := map[string]any{"function": c.Function, "hook": c.Hook, "fuel": c.Fuel, "host_calls": c.HostCalls, "cpu_us": micros(c.CPU), "us": micros(c.Wall), "answered": c.Answered}
			if c.Failed != "" {
				m["failed"] = c.Failed
			}
			calls = append(calls, m)
		}
		m := map[string]any{"event": "exchange", "time": s.Time.UTC(), "id": s.ID, "method": s.Method, "url": s.URL, "status": s.Status, "bytes": s.Bytes,
			"us": micros(s.Took), "outcome": s.Outcome, "stored": s.Stored, "functions": calls}
		for name, text := range map[string]string{"reason": s.Reason, "key": s.Key, "error": s.Error} {
			if text != "" {
				m[name] = text
			}
		}
		v.object(m)
		return
	}
	parts := []string{fmt.Sprintf("%s %s %s %s %s %s", v.color(faint, s.Time.Local().Format("15:04:05")), clean(s.Method), clean(pathOf(s.URL)), v.status(s.Status), v.outcome(s), duration(s.Took))}
	for _, c := range s.Calls {
		text := fmt.Sprintf("%s %s fuel, %s", c.Hook, number(c.Fuel), counted(c.HostCalls, "host call"))
		if c.Failed != "" {
			text += ", " + v.color(red, c.Failed)
		}
		parts = append(parts, text)
	}
	if s.Key != "" {
		parts = append(parts, "key "+clean(s.Key))
	}
	v.write(strings.Join(parts, " · ") + "\n")
	if s.Error != "" && !slices.ContainsFunc(s.Calls, func(c node.SeenCall) bool { return c.Failed != "" }) {
		v.write("  " + v.color(red, clean(s.Error)) + "\n")
	}
}

func (v *View) status(status int) string {
	text := strconv.Itoa(status)
	switch {
	case status >= 500:
		return v.color(red, text)
	case status >= 400:
		return v.color(yellow, text)
	}
	return v.color(green, text)
}

func (v *View) outcome(s *node.Seen) string {
	text := s.Outcome
	switch s.Outcome {
	case "hit":
		return v.color(green, text)
	case "failed", "refused":
		if s.Reason != "" {
			text += " (" + s.Reason + ")"
		}
		return v.color(red, text)
	case "miss":
		if s.Stored {
			return text + " (stored)"
		}
		if s.Reason != "" {
			text += " (" + s.Reason + ")"
		}
	case "pass":
		if s.Reason != "" {
			text += " (" + s.Reason + ")"
		}
	}
	return text
}

func (v *View) line(l admin.LogLine, id string) {
	if v.o.JSON {
		m := map[string]any{"event": "log", "time": l.Time.UTC(), "level": l.Level, "message": l.Message}
		if l.Request != "" {
			m["id"] = l.Request
		}
		v.object(m)
		return
	}
	level := v.color(cyan, l.Level)
	switch l.Level {
	case "error":
		level = v.color(red, l.Level)
	case "warn":
		level = v.color(yellow, l.Level)
	}
	if id != "" {
		id = v.color(faint, clean(id)) + " "
	}
	for text := range strings.Lines(l.Message + "\n") {
		text = clean(strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\t", "    "))
		if text == "" && l.Message != "" {
			continue
		}
		v.write(strings.TrimRight("  "+id+level+": "+text, " ") + "\n")
	}
}

func (v *View) moreLines(n int) {
	if v.o.JSON {
		v.object(map[string]any{"event": "lost", "lines": n})
		return
	}
	v.write(v.color(faint, fmt.Sprintf("  %s of this exchange are not shown", counted(int64(n), "more line"))) + "\n")
}

func (v *View) lostText(n int64) {
	if v.o.JSON {
		v.object(map[string]any{"event": "lost", "events": n})
		return
	}
	v.write(v.color(faint, fmt.Sprintf("  … %s came too fast to be shown", counted(n, "more event"))) + "\n")
}

func (v *View) skippedText(s *skipped) {
	var words []string
	for _, o := range slices.Sorted(maps.Keys(s.outcomes)) {
		words = append(words, number(int64(s.outcomes[o]))+" "+o)
	}
	text := fmt.Sprintf("  … %s in %s", counted(int64(s.n), "more exchange"), duration(time.Since(s.since)))
	if len(words) > 0 {
		text += ": " + strings.Join(words, ", ")
	}
	if s.failed > 0 {
		text += fmt.Sprintf("; the function failed in %s", number(int64(s.failed)))
	}
	v.write(v.color(faint, text) + "\n")
}

// pathOf leaves out of a URL what is always the same on a developer's machine.
func pathOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	host, path, _ := strings.Cut(rest, "/")
	if name, _, _ := strings.Cut(host, ":"); name == "127.0.0.1" || name == "localhost" || host == "[::1]" || strings.HasPrefix(host, "[::1]:") {
		return "/" + path
	}
	return host + "/" + path
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// duration is a time with three digits.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// number is a number with its thousands apart.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

func counted(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return number(n) + " " + noun
}

// clean writes what a terminal would obey, and what is no text, as escapes: the text may come from anybody.
func clean(s string) string {
	ok := utf8.ValidString(s)
	for _, r := range s {
		ok = ok && unicode.IsPrint(r)
	}
	if ok {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
