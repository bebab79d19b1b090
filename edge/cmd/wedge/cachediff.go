package main

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/edge/admin"
)

type cacheDiff struct {
	First  string `arg:"" name:"first" complete:"url" help:"URL of the first request."`
	Second string `arg:"" optional:"" name:"second" complete:"url" help:"URL of the second; the first's unless said."`
	askedFlags
	FirstHeader  []string `name:"first-header" sep:"none" placeholder:"FIELD" help:"A header field of the first request only; may be repeated."`
	SecondHeader []string `name:"second-header" sep:"none" placeholder:"FIELD" help:"A header field of the second request only; may be repeated."`
	jsonFlag
	ownerFlag
	nodeFlags
}

// A difference is what two requests do not have in common, and what each has.
type difference struct {
	Kind   string `json:"kind"` // route, function, key, vary or outcome
	Name   string `json:"name"`
	First  string `json:"first"`
	Second string `json:"second"`
}

// A comparison is the answer of cache diff.
type comparison struct {
	// Same tells that one stored response serves both.
	Same        bool         `json:"same"`
	Differences []difference `json:"differences"`
	First       admin.Shown  `json:"first"`
	Second      admin.Shown  `json:"second"`
}

func (d cacheDiff) Run(c *command) error {
	first, err := d.request(d.First, d.FirstHeader)
	if err != nil {
		return err
	}
	second, err := d.request(cmp.Or(d.Second, d.First), d.SecondHeader)
	if err != nil {
		return err
	}
	node, err := c.node(d.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.CacheShow(c.context, d.Owner, first)
	if err != nil {
		return err
	}
	b, err := node.CacheShow(c.context, d.Owner, second)
	if err != nil {
		return err
	}
	v := compare(a.V, b.V)
	return c.answer(d.jsonFlag, v, func(w io.Writer) error { return v.print(w) })
}

// absent stands for a part that only the other request has.
const absent = "(none)"

func compare(a, b admin.Shown) comparison {
	v := comparison{First: a, Second: b, Differences: []difference{}}
	add := func(kind, name, first, second string) {
		if first != second {
			v.Differences = append(v.Differences, difference{kind, name, first, second})
		}
	}
	add("route", "site", a.Site, b.Site)
	add("route", "route", a.Route, b.Route)
	for _, name := range union(a.Functions, b.Functions, func(d admin.Decision) string { return d.Function }) {
		text := func(list []admin.Decision) string {
			i := slices.IndexFunc(list, func(d admin.Decision) bool { return d.Function == name })
			if i < 0 {
				return "not called"
			}
			return decided(list[i])
		}
		add("function", name, text(a.Functions), text(b.Functions))
	}
	keys := len(v.Differences)
	for _, name := range union(a.Parts, b.Parts, partName) {
		text := func(list []admin.KeyPart) string {
			var values []string // versions have several parts of one name
			for _, p := range list {
				if partName(p) == name {
					values = append(values, p.Value)
				}
			}
			if values == nil {
				return absent
			}
			return strings.Join(values, " ")
		}
		add("key", name, text(a.Parts), text(b.Parts))
	}
	for _, name := range union(a.Vary, b.Vary, func(v admin.Varies) string { return v.Name }) {
		text := func(list []admin.Varies) string {
			i := slices.IndexFunc(list, func(v admin.Varies) bool { return v.Name == name })
			if i < 0 || !list[i].Present {
				return absent
			}
			return list[i].Value
		}
		// Where the keys differ, each has its own Vary.
		if a.Key == b.Key {
			add("vary", name, text(a.Vary), text(b.Vary))
		}
	}
	v.Same = a.Key != "" && a.Key == b.Key && len(v.Differences) == keys
	add("outcome", "outcome", outcomeText(&a), outcomeText(&b))
	return v
}

// union is the names in two lists, each once, in the order of the first.
func union[T any](a, b []T, name func(T) string) (names []string) {
	for _, list := range [][]T{a, b} {
		for _, v := range list {
			if n := name(v); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

func (v *comparison) print(w io.Writer) error {
	t := newTable(w)
	switch {
	case v.Same:
		t.row("same: one stored response serves both requests")
	case v.First.Key == "" || v.Second.Key == "":
		t.row("not compared: a request that does not come to the cache has no key")
	default:
		t.row("different: each request has a stored response of its own")
	}
	for _, d := range v.Differences {
		name := d.Kind + " " + d.Name
		if d.Kind == d.Name {
			name = d.Kind
		}
		t.row("  "+name, d.First, d.Second)
	}
	return t.flush()
}
