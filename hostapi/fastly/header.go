package fastly

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

const (
	// maxFields and maxHead bound a head that a guest makes.
	maxFields = 512
	maxHead   = 256 << 10
	// maxName is the longest name of a field.
	maxName = 1<<16 - 1
)

// names yields each name once, in lower case.
func names(h *exchange.Header) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		seen := make(map[string]bool, h.Len())
		for f := range h.All() {
			n := strings.ToLower(f.Name)
			if seen[n] {
				continue
			}
			seen[n] = true
			if !yield(n) {
				return
			}
		}
	}
}

// fieldName is a name as a field line has it, or why it is none.
func fieldName(s string) status {
	if len(s) > maxName {
		return invalid
	}
	if s == "" {
		return httpInvalid
	}
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return httpInvalid
		}
	}
	return ok
}

func isTokenByte(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

// fieldValue tells whether a value can stand in a field line.
func fieldValue(s string) status {
	for i := range len(s) {
		if b := s[i]; b < ' ' && b != '\t' || b == 0x7f {
			return httpInvalid
		}
	}
	return ok
}

func fits(h *exchange.Header, name, value string) status {
	if h.Len() >= maxFields || h.Size()+len(name)+len(value)+4 > maxHead {
		return httpHeadTooLarge
	}
	return ok
}

// The functions of a header, on the parameters from i on.

func (c *call) headerNames(h *exchange.Header, i int) status {
	return c.giveList(i, i+1, i+2, i+3, names(h))
}

func (c *call) headerValue(h *exchange.Header, i int) status {
	if st := fieldName(c.text(i)); st != ok {
		return st
	}
	v, found := h.Named(c.text(i))
	if !found {
		c.put32(i+2, 0)
		return invalid
	}
	return c.give(i+1, i+2, v)
}

func (c *call) headerValues(h *exchange.Header, i int) status {
	if st := fieldName(c.text(i)); st != ok {
		return st
	}
	return c.giveList(i+1, i+2, i+3, i+4, h.AllNamed(c.text(i)))
}

func (c *call) headerSetAll(on *booking, h *exchange.Header, i int) status {
	name := strings.Clone(c.text(i))
	if st := fieldName(name); st != ok {
		return st
	}
	if c.size(i+1) > maxHead { // each byte may end a value, of which a slice takes 16
		return httpHeadTooLarge
	}
	values := strings.Split(c.text(i+1), "\x00")
	values = values[:len(values)-1] // each ends with a NUL
	for _, v := range values {
		if st := fieldValue(v); st != ok {
			return st
		}
	}
	more := 0
	for _, v := range values {
		more += len(name) + len(v) + 4 + fieldCost
	}
	return booked(on, h, more, func() status {
		h.Delete(name)
		for _, v := range values {
			if st := fits(h, name, v); st != ok {
				return st
			}
			h.Add(name, strings.Clone(v))
		}
		return ok
	})
}

// booked runs f, which may add as much to a header; afterwards what it did stands on the account.
func booked(on *booking, h *exchange.Header, more int, f func() status) status {
	if !on.change(more) {
		return limitExceeded
	}
	before := headWeight(h)
	st := f()
	on.change(headWeight(h) - before - more)
	return st
}

func (c *call) headerInsert(on *booking, h *exchange.Header, i int) status {
	return c.headerPut(h, i, func(name, value string, more int) status {
		return booked(on, h, more, func() status {
			h.Set(name, value)
			return ok
		})
	})
}

func (c *call) headerAppend(on *booking, h *exchange.Header, i int) status {
	return c.headerPut(h, i, func(name, value string, more int) status {
		if !on.change(more) {
			return limitExceeded
		}
		h.Add(name, value)
		return ok
	})
}

// headerPut checks a field and has put set or add it, which makes the header heavier by more at most.
func (c *call) headerPut(h *exchange.Header, i int, put func(name, value string, more int) status) status {
	name, value := c.text(i), c.text(i+1)
	if st := fieldName(name); st != ok {
		return st
	}
	if st := fieldValue(value); st != ok {
		return st
	}
	if st := fits(h, name, value); st != ok {
		return st
	}
	return put(strings.Clone(name), strings.Clone(value), len(name)+len(value)+4+fieldCost)
}

func (c *call) headerRemove(on *booking, h *exchange.Header, i int) status {
	if st := fieldName(c.text(i)); st != ok {
		return st
	}
	return booked(on, h, 0, func() status {
		if !h.Delete(c.text(i)) {
			return invalid
		}
		return ok
	})
}
