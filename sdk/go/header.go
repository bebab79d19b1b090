package wedge

import (
	"iter"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// HeaderView is a header section that can be read. Names are compared without regard to case.
type HeaderView struct{ of raw.Message }

// Lookup is the value of the first field line of that name, and whether there is one.
func (h HeaderView) Lookup(name string) (string, bool) { return h.at(name, 0) }

// Value is the value of the first field line of that name, "" if there is none.
func (h HeaderView) Value(name string) string {
	v, _ := h.at(name, 0)
	return v
}

// Values yields the value of each field line of that name, in order. The header must not change meanwhile.
func (h HeaderView) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := int32(0); ; i++ {
			if v, ok := h.at(name, i); !ok || !yield(v) {
				return
			}
		}
	}
}

func (h HeaderView) at(name string, i int32) (string, bool) {
	var buf [room]byte
	v, n := text(raw.Field(h.of, name, i, buf[:]), buf[:], func(b []byte) int32 { return raw.Field(h.of, name, i, b) })
	return v, n >= 0
}

// Has tells whether there is a field line of that name.
func (h HeaderView) Has(name string) bool { return raw.FieldCount(h.of, name) > 0 }

// Count is how many field lines have that name.
func (h HeaderView) Count(name string) int { return max(0, int(raw.FieldCount(h.of, name))) }

// All yields name and value of each field line as they were when it was called, in order: one call of the node for all of them.
func (h HeaderView) All() iter.Seq2[string, string] {
	var buf [4 * room]byte
	list, _ := text(raw.Fields(h.of, buf[:]), buf[:], func(b []byte) int32 { return raw.Fields(h.of, b) })
	return pairs(list)
}

// Header is a header section that can be changed. Names must be tokens; a value with CR, LF, NUL or another control character, or with white
// space at its ends, is ErrInvalid, so that what a client sent can be put into one without fear of injection. Connection, Transfer-Encoding,
// Content-Length, Trailer, Date, Age, Host, CDN-Loop and the other fields between two peers are the node's own: ErrNotAllowed.
type Header struct{ HeaderView }

// Set replaces the field lines of that name by one.
func (h Header) Set(name, value string) error {
	return failed(raw.FieldSet(h.of, name, value), "set field", name)
}

// Add appends a field line.
func (h Header) Add(name, value string) error {
	return failed(raw.FieldAdd(h.of, name, value), "add field", name)
}

// Remove removes the field lines of that name; it is no error if there are none.
func (h Header) Remove(name string) error {
	n := raw.FieldRemove(h.of, name)
	if Error(n) == ErrAbsent {
		return nil
	}
	return failed(n, "remove field", name)
}
