package demo

import (
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
)

// A printer writes the tour. Colours are for terminals only.
type printer struct {
	w     io.Writer
	color bool
}

const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
	amber = "33"
	cyan  = "36"
)

func (p *printer) paint(code, text string) string {
	if !p.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

func (p *printer) title(text string) { p.line("%s", p.paint(bold, text)) }

// step prints a step that has been played.
func (p *printer) step(n int, st step, s *stage) {
	p.line("")
	p.line("%s  %s", p.paint(bold, fmt.Sprintf("%2d", n)), p.paint(bold, strings.ToUpper(st.name[:1])+st.name[1:]))
	for text := range wrapped(st.told, 100) {
		p.line("    %s", p.paint(dim, text))
	}
	width := 0
	for _, e := range s.events {
		if e.reply != nil {
			width = max(width, min(len(asked(e.reply.request)), maxAsked))
		}
	}
	for _, e := range s.events {
		if e.reply == nil {
			p.line("    %s", p.paint(cyan, e.words))
			continue
		}
		p.reply(e.reply, width)
		for _, name := range e.show {
			p.field(e.reply, name)
		}
	}
	p.line("    origin requests: %d in this step, %d so far", s.demo.site.Log.Number()-s.began, s.demo.site.Log.Number())
	if len(s.wrong) == 0 {
		p.line("    %s", p.paint(green, "as told"))
		return
	}
	times := map[string]int{}
	var each []string
	for _, w := range s.wrong {
		if times[w]++; times[w] == 1 {
			each = append(each, w)
		}
	}
	for _, w := range each {
		text := "otherwise: " + w
		if times[w] > 1 {
			text += fmt.Sprintf(" (%d times)", times[w])
		}
		p.line("    %s", p.paint(red, text))
	}
}

// wrapped breaks a text into lines of at most so many bytes, between words.
func wrapped(text string, width int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > width {
			end := strings.LastIndexByte(text[:width+1], ' ')
			if end < 0 {
				break
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end+1:]
		}
		yield(text)
	}
}

// maxAsked is where the columns behind a request begin at most.
const maxAsked = 68

// asked is a request in short.
func asked(q request) string {
	text := "GET " + q.uri
	if q.host != "" {
		text = "GET " + strings.Split(q.host, ":")[0] + q.uri
	}
	if q.to != "" {
		text = "GET origin " + q.uri
	}
	if q.say != "" {
		return text + "  " + q.say
	}
	for i := 0; i+1 < len(q.fields); i += 2 {
		text += "  " + q.fields[i] + ": " + q.fields[i+1]
	}
	return text
}

var outcomeColors = map[string]string{"hit": green, "miss": amber, "pass": amber, "answered": cyan, "failed": red, "refused": red}

// reply prints a request and the facts of its reply: status, outcome and reason, age, who made the response.
func (p *printer) reply(r *reply, width int) {
	text := asked(r.request)
	if r.err != nil {
		p.line("    %-*s  %s", width, text, p.paint(red, r.err.Error()))
		return
	}
	facts := []string{strconv.Itoa(r.status)}
	if r.logged != nil {
		facts = append(facts, p.paint(outcomeColors[r.logged.Outcome], r.logged.Outcome))
		if r.logged.Reason != "" {
			facts[1] += " (" + r.logged.Reason + ")"
		}
	}
	if age := r.header.Get("Age"); age != "" && r.hit() {
		facts = append(facts, "age "+age)
	}
	if n := r.number(); n > 0 {
		facts = append(facts, fmt.Sprintf("origin %s's no. %d", r.header.Get("X-Origin"), n))
	} else if r.logged != nil {
		facts = append(facts, "by "+answerer(r.logged))
	}
	p.line("    %-*s  %s", width, text, strings.Join(facts, "  "))
}

// answerer is who made a response that no origin made: the last function that ran before the node would have looked further, or the node.
func answerer(l *line) string {
	if l.Outcome != "answered" {
		return "the node"
	}
	for _, f := range l.Functions {
		if f.Answered {
			return f.Name
		}
	}
	return "the node"
}

// field prints one field of a reply, or that there is none.
func (p *printer) field(r *reply, name string) {
	values := r.header.Values(name)
	if len(values) == 0 {
		p.line("      %s", p.paint(dim, "no "+name))
	}
	for _, v := range values {
		if len(v) > 100 {
			v = v[:100] + "…"
		}
		p.line("      %s", p.paint(dim, name+": "+v))
	}
}

func (p *printer) end(steps, differ, requests, origin int, took time.Duration) {
	p.line("")
	text := fmt.Sprintf("%d of %d steps as told. %d requests of clients, %d of the origin, %.1f s.", steps-differ, steps, requests, origin, took.Seconds())
	if differ > 0 {
		p.line("%s", p.paint(red, text))
		return
	}
	p.line("%s", p.paint(green, text))
}
