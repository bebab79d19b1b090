package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

// maxBindings bounds the functions of one list: each is a call for every request.
const maxBindings = 32

// sites resolves what a site and its routes take from functions, origins and each other.
func (d *decoder) sites(c *Config, functions, origins *directory) {
	sites, hosts := newDirectory("site"), map[Host]string{}
	for i := range c.Sites {
		s, path := &c.Sites[i], index("sites", i)
		if s.Name == "" && !d.written(path+".name") && len(s.Hosts) > 0 && s.Hosts[0] != "" {
			if s.Name = siteName(s.Hosts[0]); s.Name == "" {
				d.complain(d.at(path+".hosts[0]"), "add name: to the site", "the host %s cannot be the site's name", quote(string(s.Hosts[0])))
			}
		}
		if other, twice := sites.add(s.Owner, s.Name, i); twice {
			hint := "choose another name"
			if !d.written(path + ".name") {
				hint = "add name: to one of them; without it a site is called after its first host"
			}
			d.complain(d.at(path+".name", path), hint, "the owner %s has two sites of the name %s, sites[%d] and %s", quote(string(s.Owner)), quote(string(s.Name)), other, path)
		}
		for j, h := range s.Hosts {
			at := index(path+".hosts", j)
			if other, twice := hosts[h]; twice && h != "" && !strings.HasPrefix(other, path+".") {
				d.complain(d.at(at), "a host belongs to one site", "the host %s stands in line %d already, at %s", quote(string(h)), d.at(other).line, other)
				continue
			}
			hosts[h] = at
		}
		d.refer(origins, s.Owner, s.Origin, path+".origin", "this site")
		d.policy(&s.Cache, path+".cache")
		d.encode(&s.Encode, path+".encode")
		b := binder{d, c, functions, origins, s.Owner}
		s.Functions = b.list(path+".functions", nil)
		s.Handler = b.handler(path+".handler", nil, s.Functions)
		s.Routes = b.routes(s, path+".routes")
	}
}

// siteName is the name of a site that has none of its own.
func siteName(first Host) Name {
	if first == "*" {
		return "default"
	}
	if name := strings.TrimPrefix(string(first), "*."); isName(name) {
		return Name(name)
	}
	return ""
}

// policy checks what the fields of a cache policy mean together.
func (d *decoder) policy(p *CachePolicy, path string) {
	if p.Mode != CacheForce && d.written(path+".ttl") {
		d.complain(d.at(path+".ttl"), "add mode: force, or remove ttl", "%s.ttl says nothing under mode: %s", path, p.Mode)
	}
	if p.Segment != 0 && p.Segment < MinSegment {
		d.complain(d.at(path+".segment"), fmt.Sprintf("give it at least %s, or 0 for none", MinSegment), "%s.segment: segments of %s are too short to be worth a request each", path, p.Segment)
	}
	if p.StoreSetCookie {
		switch {
		case p.StripSetCookie:
			d.complain(d.at(path+".store_set_cookie", path+".strip_set_cookie"), "remove one of them", "%s has both store_set_cookie and strip_set_cookie", path)
		case p.Mode == CacheForce:
			d.complain(d.at(path+".store_set_cookie", path+".mode"), "use strip_set_cookie, or another mode", "%s.store_set_cookie cannot stand with mode: force", path)
		}
	}
	first := map[int]bool{}
	for i, s := range p.Statuses {
		at := index(path+".statuses", i) + ".status"
		switch {
		case s.Status == 0: // another complaint has said so
		case s.Status < 200, s.Status == 206, s.Status == 304, s.Status == 416:
			d.complain(d.at(at), "remove it", "%s: a response with status %d has no time of its own", at, s.Status)
		case first[s.Status]:
			d.complain(d.at(at), "remove one of them", "%s: the status %d stands twice", at, s.Status)
		}
		first[s.Status] = true
	}
}

// encode checks what the fields about compressing say.
func (d *decoder) encode(e *Encode, path string) {
	first := map[Coding]bool{}
	for i, c := range e.Codings {
		if first[c] && c != "" {
			at := index(path+".codings", i)
			d.complain(d.at(at), "remove one of them", "%s: the coding %s stands twice", at, c)
		}
		first[c] = true
	}
	for i, t := range e.Types {
		at := index(path+".types", i)
		if kind, sub, ok := strings.Cut(t, "/"); !strings.HasPrefix(t, "*+") && (!ok || kind == "" || sub == "") || strings.ContainsAny(t, " ;,") {
			d.complain(d.at(at), "write it like text/html, text/* or *+json", "%s: %s is no media type", at, quote(t))
		}
	}
}

// binder reads the bindings of one site.
type binder struct {
	*decoder
	c                  *Config
	functions, origins *directory
	owner              Name
}

// sequence resolves a list that was put off.
func (b *binder) sequence(path string) []ast.Node {
	n, ok := b.later[path]
	if !ok {
		return nil
	}
	at := nodePlace(n)
	switch n := b.resolve(n).(type) {
	case nil:
	case *ast.SequenceNode:
		return n.Values
	case *ast.NullNode:
		b.complain(at, "give it a value, or remove the line", "%s has no value", path)
	default:
		b.wrongType(n, path, "a list")
	}
	return nil
}

// list reads the bindings at path; they run after those that stand before them.
func (b *binder) list(path string, before []*Binding) []*Binding {
	items := b.sequence(path)
	if len(items) == 0 {
		return before
	}
	if len(before)+len(items) > maxBindings {
		b.complain(b.at(path), "put into one function what belongs together", "%s makes more than %d functions run for a request", path, maxBindings)
		return before
	}
	list := append(make([]*Binding, 0, len(before)+len(items)), before...)
	for i, item := range items {
		at := index(path, i)
		binding := b.binding(item, at)
		if binding == nil {
			continue
		}
		for _, other := range list {
			if other.Name == binding.Name {
				b.complain(b.at(at), "a function runs once for a request", "%s: the function %s is bound already", at, quote(string(binding.Name)))
			}
		}
		list = append(list, binding)
	}
	return list
}

// handler reads the binding at path, or keeps that of the site. functions are those that run before it.
func (b *binder) handler(path string, site *Binding, functions []*Binding) *Binding {
	h := site
	if n, ok := b.later[path]; ok {
		if _, null := b.resolve(n).(*ast.NullNode); null {
			b.complain(nodePlace(n), "name a function, or remove the line", "%s has no value", path)
			return site
		}
		if h = b.binding(n, path); h == nil {
			return nil
		}
	}
	for _, f := range functions {
		if h != nil && f.Name == h.Name {
			at := path
			if _, own := b.later[path]; !own {
				at = strings.TrimSuffix(path, ".handler") + ".functions"
			}
			b.complain(b.at(at), "a module is either a handler or a function with hooks: bind another one", "%s: the function %s is the handler and in functions as well", at, quote(string(h.Name)))
		}
	}
	return h
}

// binding reads one element of the list: a name, or a map with a name and settings.
func (b *binder) binding(item ast.Node, path string) *Binding {
	n := b.resolve(item)
	if n == nil {
		return nil
	}
	b.places[path] = nodePlace(n)
	nameAt, nameNode := path, n
	m, isMap := n.(*ast.MappingNode)
	if isMap {
		nameAt, nameNode = path+".name", nil
		for _, e := range b.entries(m, path) {
			if e.key == "name" {
				nameNode = b.resolve(e.value)
			}
		}
	} else if _, ok := n.(*ast.StringNode); !ok {
		b.wrongType(n, path, "the name of a function, or a map with a name")
		return nil
	}
	binding := &Binding{Settings: b.element(reflect.TypeFor[Settings]()).Interface().(Settings)}
	if nameNode != nil {
		b.places[nameAt] = nodePlace(nameNode)
		var name Name
		if err := name.UnmarshalText([]byte(scalarText(nameNode))); err == nil {
			if i := b.refer(b.functions, b.owner, name, nameAt, "this site"); i >= 0 {
				binding.Settings = b.c.Functions[i].Settings
			}
			binding.Name = name
		} else if !isMap {
			b.text(nameNode, reflect.ValueOf(&name).Elem(), &name, path, field.Rule{})
			return nil
		}
	}
	if isMap {
		b.structure(m, reflect.ValueOf(binding).Elem(), path)
		b.settings(b.c, b.origins, b.owner, &binding.Settings, path)
	}
	if binding.Name == "" {
		return nil
	}
	return binding
}

// routes reads the routes of a site. A route begins as the site is.
func (b *binder) routes(s *Site, path string) []Route {
	var routes []Route
	seen := map[Path]int{}
	for i, item := range b.sequence(path) {
		at := index(path, i)
		n := b.resolve(item)
		if n == nil {
			return nil
		}
		b.places[at] = nodePlace(n)
		r := Route{Origin: s.Origin, Cache: s.Cache, Encode: s.Encode}
		b.structure(n, reflect.ValueOf(&r).Elem(), at)
		if r.Path != "" {
			if other, twice := seen[r.Path]; twice {
				b.complain(b.at(at+".path"), fmt.Sprintf("the first stands in line %d", b.at(index(path, other)+".path").line), "the path %s stands twice in %s", quote(string(r.Path)), path)
			}
			seen[r.Path] = i
		}
		if b.written(at + ".origin") {
			b.refer(b.origins, b.owner, r.Origin, at+".origin", "this site")
		}
		b.policy(&r.Cache, at+".cache")
		b.encode(&r.Encode, at+".encode")
		r.Functions = b.list(at+".functions", s.Functions)
		r.Handler = b.handler(at+".handler", s.Handler, r.Functions)
		routes = append(routes, r)
	}
	return routes
}
