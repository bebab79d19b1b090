package config

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

// tree is a configuration as the file would write it: what Show prints and Diff compares.
type tree struct {
	kind     kind
	text     string      // of a scalar, and of a flat list
	keys     []string    // of a map; of a list the names of its elements, for Diff
	children []*tree     // of a map or a list
	hidden   SecretValue // what a scalar or map stands for, compared and never printed
}

type kind int

const (
	scalar kind = iota
	flatList
	list
	table
)

func (t *tree) add(key string, child *tree) {
	if child != nil {
		t.keys = append(t.keys, key)
		t.children = append(t.children, child)
	}
}

func (t *tree) child(key string) *tree {
	for i, k := range t.keys {
		if k == key {
			return t.children[i]
		}
	}
	return nil
}

// builder turns values into trees.
type builder struct {
	// whole writes each binding and route with all that holds for it. Otherwise they are written as in the file, with what is different
	// from the function or the site.
	whole bool
}

// config is the tree of a whole configuration.
func (b builder) config(c *Config) *tree {
	t := b.value(reflect.ValueOf(c).Elem(), false)
	for i := range c.Sites {
		site := t.child("sites").children[i]
		s := &c.Sites[i]
		site.add("functions", b.bindings(c, s.Owner, s.Functions))
		site.add("handler", b.handler(c, s.Owner, s.Handler))
		routes := &tree{kind: list}
		for j := range s.Routes {
			routes.add(string(s.Routes[j].Path), b.route(c, s, &s.Routes[j]))
		}
		if len(routes.keys) > 0 {
			site.add("routes", routes)
		}
	}
	return t
}

func (b builder) route(c *Config, s *Site, r *Route) *tree {
	t := &tree{kind: table}
	t.add("path", scalarTree(reflect.ValueOf(r.Path)))
	if b.whole || r.Origin != s.Origin {
		t.add("origin", scalarTree(reflect.ValueOf(r.Origin)))
	}
	t.add("cache", b.difference(reflect.ValueOf(r.Cache), reflect.ValueOf(s.Cache)))
	t.add("encode", b.difference(reflect.ValueOf(r.Encode), reflect.ValueOf(s.Encode)))
	t.add("functions", b.bindings(c, s.Owner, r.Functions[len(s.Functions):]))
	if r.Handler != s.Handler { // the site's is the same one, not an equal one
		t.add("handler", b.handler(c, s.Owner, r.Handler))
	}
	return t
}

func (b builder) handler(c *Config, owner Name, h *Binding) *tree {
	if h == nil {
		return nil
	}
	return b.binding(c, owner, h)
}

func (b builder) bindings(c *Config, owner Name, bindings []*Binding) *tree {
	if len(bindings) == 0 {
		return nil
	}
	t := &tree{kind: list}
	for _, binding := range bindings {
		t.add(string(binding.Name), b.binding(c, owner, binding))
	}
	return t
}

// binding is a name, or a table if it differs from its function.
func (b builder) binding(c *Config, owner Name, binding *Binding) *tree {
	name := scalarTree(reflect.ValueOf(binding.Name))
	f := c.Function(owner, binding.Name)
	if f == nil {
		panic("BUG: a binding without its function")
	}
	one := &tree{kind: table}
	one.add("name", name)
	if settings := b.difference(reflect.ValueOf(binding.Settings), reflect.ValueOf(f.Settings)); settings != nil {
		one.keys = append(one.keys, settings.keys...)
		one.children = append(one.children, settings.children...)
	}
	if len(one.keys) == 1 {
		return name
	}
	return one
}

// difference is the tree of v without what base says as well; nil if they say the same.
func (b builder) difference(v, base reflect.Value) *tree {
	if b.whole {
		return b.value(v, false)
	}
	t := b.value(v, true)
	t.without(b.value(base, true))
	if len(t.keys) == 0 {
		return nil
	}
	return t
}

func (t *tree) without(base *tree) {
	keys, children := t.keys, t.children
	t.keys, t.children = nil, nil
	for i, key := range keys {
		child, same := children[i], base.child(key)
		if same != nil && child.equal(same) {
			continue
		}
		// A secret is replaced as a whole, a map key by key.
		if same != nil && child.kind == table && same.kind == table && child.child("file") == nil && child.child("env") == nil {
			child.without(same)
		}
		t.add(key, child)
	}
}

func (t *tree) equal(u *tree) bool {
	if t.kind != u.kind || t.text != u.text || len(t.keys) != len(u.keys) || !t.hidden.Equal(u.hidden) {
		return false
	}
	for i := range t.keys {
		if t.keys[i] != u.keys[i] || !t.children[i].equal(u.children[i]) {
			return false
		}
	}
	return true
}

// value is the tree of v. Without empty it leaves out what holds nothing; with it, an empty list is written, since it may stand against
// one that is not empty.
func (b builder) value(v reflect.Value, empty bool) *tree {
	if _, ok := v.Interface().(encoding.TextMarshaler); ok {
		return scalarTree(v)
	}
	switch v.Kind() {
	case reflect.Struct:
		return b.structure(v, empty)
	case reflect.Map:
		return b.mapping(v, empty)
	case reflect.Slice:
		// The one list that means something else when it is nil: without the field kv, all stores can be opened.
		_, stores := v.Interface().([]Name)
		switch {
		case stores && v.IsNil():
			return nil
		case v.Len() == 0 && (stores || empty):
			return &tree{kind: flatList, text: "[]"}
		case v.Len() == 0:
			return nil
		}
		return b.list(v, empty)
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
	}
	return scalarTree(v)
}

func (b builder) structure(v reflect.Value, empty bool) *tree {
	t := &tree{kind: table}
	if s, ok := v.Interface().(Secret); ok {
		t.hidden = s.Value
	}
	for _, f := range field.Of(v.Type()) {
		if f.Rule.Later {
			continue
		}
		child := b.value(v.FieldByIndex(f.Index), empty)
		switch o := v.Interface().(type) {
		case CachePolicy:
			if f.Name == "ttl" && o.Mode != CacheForce {
				continue
			}
		case Admin:
			if f.Name == "token_file" && child != nil {
				child.hidden = o.Operator
			}
		case Token:
			if f.Name == "file" {
				child.hidden = o.Value
			}
		}
		t.add(f.Name, child)
	}
	return t
}

func (b builder) mapping(v reflect.Value, empty bool) *tree {
	if v.Len() == 0 {
		return nil
	}
	t := &tree{kind: table}
	for _, key := range sortedKeys(v) {
		element := v.MapIndex(reflect.ValueOf(key))
		child := b.value(element, empty)
		if child == nil {
			child = scalarTree(element) // an empty text is a value here
		}
		t.add(key, child)
	}
	return t
}

func (b builder) list(v reflect.Value, empty bool) *tree {
	var texts []string
	t := &tree{kind: list}
	for i := range v.Len() {
		child := b.value(v.Index(i), empty)
		if child.kind == scalar {
			texts = append(texts, child.text)
			continue
		}
		t.add(label(v.Index(i)), child)
	}
	if len(t.keys) == 0 {
		return &tree{kind: flatList, text: "[" + strings.Join(texts, ", ") + "]"}
	}
	return t
}

// label is the name under which Diff finds an element of a list again.
func label(v reflect.Value) string {
	owned := func(owner, name Name) string {
		if owner == DefaultOwner {
			return string(name)
		}
		return string(owner) + "/" + string(name)
	}
	switch x := v.Interface().(type) {
	case Function:
		return owned(x.Owner, x.Name)
	case Origin:
		return owned(x.Owner, x.Name)
	case Site:
		return owned(x.Owner, x.Name)
	case Token:
		return string(x.Name)
	case Server:
		return string(x.URL)
	case StatusTTL:
		return strconv.Itoa(x.Status)
	}
	panic("BUG: no label for " + v.Type().String())
}

func scalarTree(v reflect.Value) *tree {
	text := textOf(v)
	if k := v.Kind(); k != reflect.Int64 && k != reflect.Int && k != reflect.Bool {
		text = quoteYAML(text)
	}
	return &tree{kind: scalar, text: text}
}
