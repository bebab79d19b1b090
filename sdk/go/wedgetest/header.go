//go:build !wasip1

package wedgetest

import (
	"slices"
	"strings"
)

// Field is a field line, or any other pair of a name and a value.
type Field struct{ Name, Value string }

// Header is a header section: field lines in their order. Names are compared without regard to case.
type Header []Field

// Value is the value of the first field line of that name, "" if there is none.
func (h Header) Value(name string) string {
	if i := h.find(name); i >= 0 {
		return h[i].Value
	}
	return ""
}

// Has tells whether there is a field line of that name.
func (h Header) Has(name string) bool { return h.find(name) >= 0 }

// Values are the values of all field lines of that name, in order.
func (h Header) Values(name string) (v []string) {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			v = append(v, f.Value)
		}
	}
	return v
}

// Set replaces the field lines of that name by one, in the place of the first.
func (h *Header) Set(name, value string) {
	i := h.find(name)
	if i < 0 {
		h.Add(name, value)
		return
	}
	(*h)[i] = Field{name, value}
	rest := slices.DeleteFunc((*h)[i+1:], func(f Field) bool { return strings.EqualFold(f.Name, name) })
	*h = (*h)[:i+1+len(rest)]
}

// Add appends a field line.
func (h *Header) Add(name, value string) { *h = append(*h, Field{name, value}) }

// Remove removes the field lines of that name.
func (h *Header) Remove(name string) {
	*h = slices.DeleteFunc(*h, func(f Field) bool { return strings.EqualFold(f.Name, name) })
}

func (h Header) find(name string) int {
	return slices.IndexFunc(h, func(f Field) bool { return strings.EqualFold(f.Name, name) })
}

// size counts as the node's limit does: ": " and CRLF are four more for each line.
func (h Header) size() (n int) {
	for _, f := range h {
		n += len(f.Name) + len(f.Value) + 4
	}
	return n
}
