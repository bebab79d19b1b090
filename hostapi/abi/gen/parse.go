package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// contract is what abi.txt says.
type contract struct {
	version int
	module  string
	texts   []section
	hooks   []section
	enums   []enum
	permits []permit
	areas   []area
}

type section struct{ name, doc string }

type enum struct {
	name, doc string
	members   []member
}

type member struct {
	name  string
	value int
	doc   string
}

type permit struct {
	name, doc       string
	hooks, answered []string
	outside         bool
}

type area struct {
	name, doc string
	funcs     []fn
}

type fn struct {
	name, doc string
	params    []param
	result    string
	needs     []string
	waits     bool
}

type param struct{ name, kind string }

var (
	kinds   = []string{"i32", "i64", "f64", "handle", "text", "bytes", "buffer", "out8", "out16"}
	results = []string{"status", "length", "handle", "count", "flag", "i64"}
	word    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	funcRE  = regexp.MustCompile(`^([a-z][a-z0-9_]*)\(([^)]*)\) ([a-z0-9]+)$`)
)

// parse reads abi.txt. An error names the line.
func parse(text string) (*contract, error) {
	p := parser{c: &contract{}}
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("abi.txt:%d: %w", i+1, err)
		}
	}
	if err := p.c.check(); err != nil {
		return nil, fmt.Errorf("abi.txt: %w", err)
	}
	return p.c, nil
}

type parser struct {
	c *contract
	// doc takes an indented line that belongs to the last declaration.
	doc func(string) error
}

// paragraph collects indented lines in *s, one a line.
func paragraph(s *string) func(string) error {
	return func(l string) error {
		if *s != "" {
			*s += "\n"
		}
		*s += l
		return nil
	}
}

func (p *parser) line(line string) error {
	if rest, ok := strings.CutPrefix(line, "  "); ok {
		if p.doc == nil {
			return fmt.Errorf("text belongs to no declaration")
		}
		return p.doc(rest)
	}
	c := p.c
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "abi":
		n, err := strconv.Atoi(rest)
		c.version = n
		return err
	case "module":
		c.module = rest
	case "text":
		c.texts = append(c.texts, section{name: rest})
		p.doc = paragraph(&c.texts[len(c.texts)-1].doc)
	case "hook":
		c.hooks = append(c.hooks, section{name: rest})
		p.doc = paragraph(&c.hooks[len(c.hooks)-1].doc)
	case "enum":
		c.enums = append(c.enums, enum{name: rest})
		p.doc = c.enums[len(c.enums)-1].line
		e := &c.enums[len(c.enums)-1]
		p.doc = func(l string) error { return e.line(l) }
	case "permit":
		return p.permit(rest)
	case "area":
		c.areas = append(c.areas, area{name: rest})
		p.doc = paragraph(&c.areas[len(c.areas)-1].doc)
	case "func":
		return p.function(rest)
	case "needs", "waits":
		if len(c.areas) == 0 || len(c.areas[len(c.areas)-1].funcs) == 0 {
			return fmt.Errorf("%s belongs to no function", verb)
		}
		fs := c.areas[len(c.areas)-1].funcs
		if f := &fs[len(fs)-1]; verb == "waits" {
			f.waits = true
		} else {
			f.needs = strings.Fields(rest)
		}
	default:
		return fmt.Errorf("unknown word %q", verb)
	}
	return nil
}

// line is a member ("name value doc"), or, before the first one, the
// documentation of the enum.
func (e *enum) line(l string) error {
	f := strings.SplitN(l, " ", 3)
	if len(f) >= 2 && word.MatchString(f[0]) {
		if v, err := strconv.Atoi(f[1]); err == nil {
			e.members = append(e.members, member{f[0], v, strings.Join(f[2:], " ")})
			return nil
		}
	}
	if len(e.members) > 0 {
		return fmt.Errorf("enum %s: want name, value, documentation, got %q", e.name, l)
	}
	return paragraph(&e.doc)(l)
}

func (p *parser) permit(rest string) error {
	f := strings.Fields(rest)
	if len(f) < 2 {
		return fmt.Errorf("a permit needs a name and hooks")
	}
	m := permit{name: f[0]}
	for _, h := range f[1:] {
		if h == "outside" {
			m.outside = true
			continue
		}
		h, after := strings.CutSuffix(h, "!")
		if !slices.ContainsFunc(p.c.hooks, func(s section) bool { return s.name == h }) {
			return fmt.Errorf("permit %s: no hook %q", m.name, h)
		}
		if after {
			m.answered = append(m.answered, h)
		} else {
			m.hooks = append(m.hooks, h)
		}
	}
	p.c.permits = append(p.c.permits, m)
	p.doc = paragraph(&p.c.permits[len(p.c.permits)-1].doc)
	return nil
}

func (p *parser) function(rest string) error {
	m := funcRE.FindStringSubmatch(rest)
	if m == nil {
		return fmt.Errorf("want name(param kind, ...) result, got %q", rest)
	}
	if len(p.c.areas) == 0 {
		return fmt.Errorf("function %s is in no area", m[1])
	}
	f := fn{name: m[1], result: m[3]}
	if m[2] != "" {
		for _, s := range strings.Split(m[2], ", ") {
			name, kind, ok := strings.Cut(s, " ")
			if !ok || !word.MatchString(name) {
				return fmt.Errorf("function %s: want a name and a kind, got %q", f.name, s)
			}
			f.params = append(f.params, param{name, kind})
		}
	}
	a := &p.c.areas[len(p.c.areas)-1]
	a.funcs = append(a.funcs, f)
	p.doc = paragraph(&a.funcs[len(a.funcs)-1].doc)
	return nil
}

// check finds names that are twice there or not at all.
func (c *contract) check() error {
	if c.version < 1 || c.module == "" {
		return fmt.Errorf("no version or no module")
	}
	seen := map[string]bool{}
	once := func(what, name string) error {
		if seen[what+name] || !word.MatchString(name) {
			return fmt.Errorf("%s %q: not a name, or there twice", what, name)
		}
		seen[what+name] = true
		return nil
	}
	for _, e := range c.enums {
		if err := once("enum", e.name); err != nil {
			return err
		}
		for _, m := range e.members {
			if err := once("member of "+e.name, m.name); err != nil {
				return err
			}
		}
	}
	for _, m := range c.permits {
		if err := once("permit", m.name); err != nil {
			return err
		}
	}
	for _, a := range c.areas {
		for _, f := range a.funcs {
			if err := once("func", f.name); err != nil {
				return err
			}
			if c.isEnum(f.name) {
				return fmt.Errorf("func %s: an enum has that name", f.name)
			}
			if err := c.checkFunc(f); err != nil {
				return fmt.Errorf("func %s: %w", f.name, err)
			}
		}
	}
	return nil
}

func (c *contract) checkFunc(f fn) error {
	if f.doc == "" {
		return fmt.Errorf("no documentation")
	}
	if !slices.Contains(results, f.result) {
		return fmt.Errorf("unknown result %q", f.result)
	}
	for _, p := range f.params {
		if !slices.Contains(kinds, p.kind) && !c.isEnum(p.kind) {
			return fmt.Errorf("parameter %s has unknown kind %q", p.name, p.kind)
		}
	}
	for _, n := range f.needs {
		if !slices.ContainsFunc(c.permits, func(m permit) bool { return m.name == n }) {
			return fmt.Errorf("needs unknown permit %q", n)
		}
	}
	byMessage := len(f.params) > 0 && f.params[0].kind == "message"
	if byMessage && len(f.needs) != 2 || !byMessage && len(f.needs) != 1 {
		return fmt.Errorf("needs %d permits", len(f.needs))
	}
	return nil
}

func (c *contract) isEnum(kind string) bool {
	return slices.ContainsFunc(c.enums, func(e enum) bool { return e.name == kind })
}

func (c *contract) funcs() (all []fn) {
	for _, a := range c.areas {
		all = append(all, a.funcs...)
	}
	return all
}
