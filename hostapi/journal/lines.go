package journal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Text is what a step did, a line for each thing, so that two of them can be compared: what it asked, what it left, what it
// cost. What it found is not in it.
func (s *Step) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, c := range s.Calls {
		line("call %s", c)
	}
	switch {
	case s.Failed != "":
		line("failed %s", s.Failed) // in whose words, the compiler's or the interpreter's, is not the same
	case s.Answered:
		line("answered")
	default:
		line("went on")
	}
	q, r, c := &s.After.Request, &s.After.Response, &s.After.Choices
	uri := string(q.Path)
	if q.HasQuery {
		uri += "?" + string(q.Query)
	}
	line("request %s %s://%s%s", shown(q.Method), shown(q.Scheme), shown(q.Host), shown(Text(uri)))
	message(line, "request", q)
	if r.Status != 0 {
		line("response %d", r.Status)
	}
	message(line, "response", r)
	for _, p := range c.KeyParts {
		line("key part %s: %s", shown(p.Name), shown(p.Value))
	}
	if c.KeyReplace != nil {
		line("key path and query: %s", shown(*c.KeyReplace))
	}
	for _, p := range c.IgnoreQuery {
		line("key without parameter %s", shown(p))
	}
	for _, f := range []struct {
		word string
		set  bool
	}{{"key without query", c.IgnoreAllQuery}, {"key with sorted query", c.SortQuery}, {"key in lower case", c.LowerCase},
		{"bypass", c.Bypass}, {"revalidate", c.Revalidate}, {"no store", c.NoStore}} {
		if f.set {
			line("%s", f.word)
		}
	}
	if c.Origin != "" {
		line("origin %s", shown(c.Origin))
	}
	if c.TTL != nil {
		line("ttl %s", time.Duration(*c.TTL))
	}
	if c.Grace != nil {
		line("grace %s", time.Duration(*c.Grace))
	}
	for _, t := range c.Tags {
		line("tag %s", shown(t))
	}
	for _, v := range s.After.Vars {
		line("variable %s: %s", shown(v.Name), shown(v.Value))
	}
	line("fuel %d", s.Fuel)
	return b.String()
}

func message(line func(string, ...any), of string, m *Message) {
	for _, f := range m.Header {
		line("%s %s: %s", of, shown(f.Name), shown(f.Value))
	}
	if m.Body == nil {
		return
	}
	how := "whole"
	switch {
	case m.Body.Cut:
		how = "its beginning"
	case m.Body.Broken:
		how = "broken off"
	case !m.Body.Ended:
		how = "not read to its end"
	}
	line("%s body of %d bytes, %s", of, len(m.Body.Data), how)
	for l := range strings.Lines(string(m.Body.Data)) {
		line("%s body %s", of, shown(Text(strings.TrimSuffix(l, "\n"))))
	}
}

// shown is text as it is if it can stand on a line, else quoted.
func shown(t Text) string {
	s := string(t)
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// Text is what a run did outside of its hooks.
func (r *Run) Text() string {
	var b strings.Builder
	for _, c := range r.Begin {
		fmt.Fprintf(&b, "while initialised: call %s\n", c)
	}
	// Whose answer came first is the network's doing, not the function's.
	for _, c := range slices.SortedStableFunc(slices.Values(r.Fetches), func(a, b Call) int { return cmp.Compare(a.Number, b.Number) }) {
		fmt.Fprintf(&b, "call %s\n", c)
	}
	fmt.Fprintf(&b, "looked at the clock %d times\n", len(r.Clock))
	return b.String()
}
