package exchange

import (
	"iter"
	"strings"
)

// MaxVars bounds the variables of an exchange: names and values together, in bytes.
const MaxVars = 4 << 10

// Vars are named values that functions leave for each other, and for the fetch
// that the exchange may start (which gets a copy).
type Vars struct {
	v    []Field
	size int
}

// Value is the variable of that name.
func (v *Vars) Value(name string) (string, bool) {
	for i := range v.v {
		if v.v[i].Name == name {
			return v.v[i].Value, true
		}
	}
	return "", false
}

// Set sets a variable; false if it would go above MaxVars, then nothing
// changes. The strings must live as long as the exchange ([Exchange.Text]).
func (v *Vars) Set(name, value string) bool {
	for i := range v.v {
		if v.v[i].Name == name {
			n := v.size - len(v.v[i].Value) + len(value)
			if n > MaxVars {
				return false
			}
			v.v[i].Value, v.size = value, n
			return true
		}
	}
	if v.size+len(name)+len(value) > MaxVars {
		return false
	}
	v.v, v.size = append(v.v, Field{Name: name, Value: value}), v.size+len(name)+len(value)
	return true
}

// Delete removes a variable.
func (v *Vars) Delete(name string) {
	for i := range v.v {
		if v.v[i].Name == name {
			v.size -= len(name) + len(v.v[i].Value)
			v.v = append(v.v[:i], v.v[i+1:]...)
			return
		}
	}
}

// All yields the variables in the order in which they were set. v must not change meanwhile.
func (v *Vars) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := range v.v {
			if !yield(v.v[i].Name, v.v[i].Value) {
				return
			}
		}
	}
}

// Len is the number of variables.
func (v *Vars) Len() int { return len(v.v) }

func (v *Vars) reset() {
	clear(v.v)
	v.v, v.size = v.v[:0], 0
}

func (v *Vars) copyInto(dst *Vars, keep func(string) string) {
	dst.reset()
	for _, f := range v.v {
		dst.v = append(dst.v, Field{Name: keep(f.Name), Value: keep(f.Value)})
	}
	dst.size = v.size
}

func (v *Vars) cloneInto(dst *Vars)       { v.copyInto(dst, strings.Clone) }
func (c *Choices) cloneInto(dst *Choices) { c.copyInto(dst, strings.Clone) }
