package exchange

import (
	"iter"
	"slices"
	"strings"
)

// A Header is a header or trailer section: field lines in their order, with
// an index of the known ones. The zero value is empty and ready for use.
// A Header may hold fields whose strings it does not own: see the package's
// lifetimes.
type Header struct {
	fields []Field
	slot   [numKnown]uint16 // 1 + index of the first such field; 0 means none
}

// Reset empties h and keeps its memory.
func (h *Header) Reset() {
	clear(h.fields)
	h.fields = h.fields[:0]
	h.slot = [numKnown]uint16{}
}

// Len is the number of field lines.
func (h *Header) Len() int { return len(h.fields) }

// At is the i-th field line, 0 ≤ i < Len. The pointer is valid until h changes.
func (h *Header) At(i int) *Field { return &h.fields[i] }

// All yields the field lines in order. h must not change meanwhile.
func (h *Header) All() iter.Seq[*Field] {
	return func(yield func(*Field) bool) {
		for i := range h.fields {
			if !yield(&h.fields[i]) {
				return
			}
		}
	}
}

// Has tells whether there is a field line k.
func (h *Header) Has(k Known) bool { return h.slot[k] != 0 }

// Value is the value of the first field line k, "" if there is none.
func (h *Header) Value(k Known) string {
	if i := h.slot[k]; i != 0 {
		return h.fields[i-1].Value
	}
	return ""
}

// Values yields the value of each field line k, in order.
func (h *Header) Values(k Known) iter.Seq[string] {
	return func(yield func(string) bool) {
		i := int(h.slot[k])
		if i == 0 {
			return
		}
		for i--; i < len(h.fields); i++ {
			if h.fields[i].known == k && !yield(h.fields[i].Value) {
				return
			}
		}
	}
}

// Count is the number of field lines k.
func (h *Header) Count(k Known) int {
	n := 0
	for range h.Values(k) {
		n++
	}
	return n
}

// find is the index of the first field line of that name at or after from, or -1.
func (h *Header) find(name string, k Known, from int) int {
	if k != Other {
		if h.slot[k] == 0 {
			return -1
		}
		from = max(from, int(h.slot[k])-1)
	}
	for i := from; i < len(h.fields); i++ {
		f := &h.fields[i]
		if f.known == k && (k != Other || len(f.Name) == len(name) && strings.EqualFold(f.Name, name)) {
			return i
		}
	}
	return -1
}

// Named is the value of the first field line of that name, in any case, and
// whether there is one.
func (h *Header) Named(name string) (value string, ok bool) {
	if i := h.find(name, Lookup(name), 0); i >= 0 {
		return h.fields[i].Value, true
	}
	return "", false
}

// AllNamed yields the value of each field line of that name, in any case.
func (h *Header) AllNamed(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		k := Lookup(name)
		for i := h.find(name, k, 0); i >= 0; i = h.find(name, k, i+1) {
			if !yield(h.fields[i].Value) {
				return
			}
		}
	}
}

// Add appends a field line.
func (h *Header) Add(name, value string) { h.add(Field{name, value, Lookup(name)}) }

// AddKnown appends a field line k.
func (h *Header) AddKnown(k Known, value string) { h.add(Field{knownNames[k], value, k}) }

func (h *Header) add(f Field) {
	h.fields = append(h.fields, f)
	if f.known != Other && h.slot[f.known] == 0 {
		h.slot[f.known] = uint16(len(h.fields))
	}
}

// Set replaces the field lines of that name by one, in the place of the first.
func (h *Header) Set(name, value string) { h.set(Field{name, value, Lookup(name)}) }

// SetKnown replaces the field lines k by one, in the place of the first.
func (h *Header) SetKnown(k Known, value string) { h.set(Field{knownNames[k], value, k}) }

func (h *Header) set(f Field) {
	i := h.find(f.Name, f.known, 0)
	if i < 0 {
		h.add(f)
		return
	}
	h.fields[i] = f
	if h.find(f.Name, f.known, i+1) >= 0 {
		h.deleteFrom(f.Name, f.known, i+1)
	}
}

// Delete removes the field lines of that name and tells whether there were any.
func (h *Header) Delete(name string) bool { return h.deleteFrom(name, Lookup(name), 0) }

// DeleteKnown removes the field lines k and tells whether there were any.
func (h *Header) DeleteKnown(k Known) bool { return h.slot[k] != 0 && h.deleteFrom("", k, 0) }

func (h *Header) deleteFrom(name string, k Known, from int) bool {
	if h.find(name, k, from) < 0 {
		return false
	}
	n := from
	for i := from; i < len(h.fields); i++ {
		f := h.fields[i]
		if f.known == k && (k != Other || strings.EqualFold(f.Name, name)) {
			continue
		}
		h.fields[n] = f
		n++
	}
	clear(h.fields[n:])
	h.fields = h.fields[:n]
	h.index()
	return true
}

// DeleteFunc removes the field lines for which del is true.
func (h *Header) DeleteFunc(del func(*Field) bool) {
	n := len(h.fields)
	h.fields = slices.DeleteFunc(h.fields, func(f Field) bool { return del(&f) })
	if len(h.fields) != n {
		h.index()
	}
}

// index rebuilds the slots after field lines have moved.
func (h *Header) index() {
	h.slot = [numKnown]uint16{}
	for i := range h.fields {
		if k := h.fields[i].known; k != Other && h.slot[k] == 0 {
			h.slot[k] = uint16(i + 1)
		}
	}
}

// CopyFrom makes h equal to src. The strings are shared, not copied.
func (h *Header) CopyFrom(src *Header) {
	clear(h.fields)
	h.fields = append(h.fields[:0], src.fields...)
	h.slot = src.slot
}

// Size is the number of bytes of all names and values, as a limit counts them:
// each field line with 4 more for ": " and CRLF.
func (h *Header) Size() int {
	n := 0
	for i := range h.fields {
		n += len(h.fields[i].Name) + len(h.fields[i].Value) + 4
	}
	return n
}
