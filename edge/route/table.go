package route

import (
	"cmp"
	"slices"
	"strings"
)

// A Site is what a table is made from: hosts, the entry for every path, and
// the entries for some paths.
type Site[T any] struct {
	// Hosts are lower-case names, "*.name" for every name below name, or "*"
	// for every host that no other site has.
	Hosts []string
	// Any is the entry of a path that no route matches.
	Any T
	// Routes are tried by length of their path, the longest first.
	Routes []Path[T]
}

// A Path is a route's path and its entry. "/a/b" matches that path only,
// "/a/*" every path that begins with "/a/".
type Path[T any] struct {
	Path  string
	Entry T
}

// A Table finds entries by host and path. It never changes once it is made, so
// any number of goroutines may use it; a reload makes a new one.
type Table[T any] struct {
	exact map[string]*site[T] // "shop.example"
	below map[string]*site[T] // "shop.example" for "*.shop.example"
	rest  *site[T]            // "*"
}

type site[T any] struct {
	any    T
	exact  map[string]T
	prefix []Path[T] // without the "*", longest first
}

// New makes a table. Where two sites have the same host the later one wins;
// the configuration refuses such a file before.
func New[T any](sites []Site[T]) *Table[T] {
	t := &Table[T]{exact: map[string]*site[T]{}, below: map[string]*site[T]{}}
	for _, s := range sites {
		e := &site[T]{any: s.Any, exact: map[string]T{}}
		for _, r := range s.Routes {
			if p, ok := strings.CutSuffix(r.Path, "*"); ok {
				e.prefix = append(e.prefix, Path[T]{p, r.Entry})
			} else {
				e.exact[r.Path] = r.Entry
			}
		}
		slices.SortStableFunc(e.prefix, func(a, b Path[T]) int { return cmp.Compare(len(b.Path), len(a.Path)) })
		for _, h := range s.Hosts {
			if name, ok := strings.CutPrefix(h, "*."); ok {
				t.below[name] = e
			} else if h == "*" {
				t.rest = e
			} else {
				t.exact[h] = e
			}
		}
	}
	return t
}

// Match finds the entry of a host (normal form, with or without a port) and a
// path (normal form). An exact host wins over "*.", a longer "*." over a
// shorter one, both over "*"; an exact path over a prefix.
func (t *Table[T]) Match(host, path string) (entry T, ok bool) {
	s := t.site(hostname(host))
	if s == nil {
		return entry, false
	}
	if e, ok := s.exact[path]; ok {
		return e, true
	}
	for i := range s.prefix {
		if strings.HasPrefix(path, s.prefix[i].Path) {
			return s.prefix[i].Entry, true
		}
	}
	return s.any, true
}

func (t *Table[T]) site(host string) *site[T] {
	if s := t.exact[host]; s != nil {
		return s
	}
	if len(t.below) > 0 {
		for rest := host; ; {
			_, parent, ok := strings.Cut(rest, ".")
			if !ok {
				break
			}
			if s := t.below[parent]; s != nil {
				return s
			}
			rest = parent
		}
	}
	return t.rest
}

// hostname is a host without its port. An IPv6 literal keeps its brackets.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}
