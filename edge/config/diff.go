package config

import (
	"slices"
	"strings"
)

// Change is one difference between two configurations.
type Change struct {
	// Path names the value, as in "sites.shop.routes./api/*.cache.mode". Functions, origins and sites are named by name, and by owner
	// and name if the owner is not the default one.
	Path string `json:"path"`
	// Old and New are the values as the file writes them. The one of a thing that is not there, or that is more than one value, is empty.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Kind is Added, Removed or Changed.
	Kind ChangeKind `json:"kind"`
	// Restart says that the change takes effect at the next start only; every other one is applied by a reload.
	Restart bool `json:"restart"`
}

// ChangeKind says what became of a value.
type ChangeKind string

// Values of ChangeKind.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// needRestart lists what is set up once: sockets, the data folder's lock and the memory that is taken at the start.
var needRestart = [...]string{"listen", "data", "memory", "cache.memory", "cache.disk", "admin.listen"}

// Diff says what is different in after, in the order in which Show writes it. A secret whose value became another shows as [secret] on
// both sides.
func Diff(before, after *Config) []Change {
	var d differ
	b := builder{whole: true}
	d.compare("", b.config(before), b.config(after))
	for i := range d {
		d[i].Restart = slices.ContainsFunc(needRestart[:], func(p string) bool { return d[i].Path == p || strings.HasPrefix(d[i].Path, p+".") })
	}
	return d
}

type differ []Change

func (d *differ) compare(path string, a, b *tree) {
	if a.equal(b) {
		return
	}
	if a.kind != b.kind || a.kind == scalar || a.kind == flatList {
		c := Change{Path: path, Old: a.text, New: b.text, Kind: Changed}
		if c.Old == c.New {
			c.Old, c.New = redacted, redacted
		}
		*d = append(*d, c)
		return
	}
	if !a.hidden.Equal(b.hidden) {
		*d = append(*d, Change{Path: path, Old: redacted, New: redacted, Kind: Changed})
	}
	var stayedA, stayedB []string
	for i, key := range b.keys {
		switch old := a.child(key); old {
		case nil:
			*d = append(*d, Change{Path: join(path, key), New: b.children[i].text, Kind: Added})
		default:
			stayedB = append(stayedB, key)
			d.compare(join(path, key), old, b.children[i])
		}
	}
	for i, key := range a.keys {
		if b.child(key) == nil {
			*d = append(*d, Change{Path: join(path, key), Old: a.children[i].text, Kind: Removed})
			continue
		}
		stayedA = append(stayedA, key)
	}
	// The order of functions is the order in which they run.
	if a.kind == list && !slices.Equal(stayedA, stayedB) {
		*d = append(*d, Change{Path: path, Old: "[" + strings.Join(stayedA, ", ") + "]", New: "[" + strings.Join(stayedB, ", ") + "]", Kind: Changed})
	}
}
