package fastly

// maxHandles bounds what a run can have open at once.
const maxHandles = 8192

// noHandle is the number of no handle, as the ABI has it.
const noHandle = ^uint32(0)

// handles are the things that a run has open, by number from 1. All kinds share
// the numbers, since a guest waits for several kinds at once; a number of the
// wrong kind is a bad handle. A number is used again only when all have been
// used, so that a guest's mistake does not hit another thing at once.
type handles struct {
	open []any // nil: closed
	free int   // how many are nil
	next int   // where to look for a free one once there are maxHandles
	old  int   // so many, from the first, were there before the exchange
}

// closer is what a thing does when the run ends and it is still open.
type closer interface{ abandon(err error) }

// add opens a thing; false if too many are open.
func (h *handles) add(v any) (uint32, bool) {
	if len(h.open) < maxHandles {
		h.open = append(h.open, v)
		return uint32(len(h.open)), true
	}
	if h.free == 0 {
		return noHandle, false
	}
	for h.open[h.next] != nil {
		h.next = (h.next + 1) % maxHandles
	}
	h.open[h.next] = v
	h.free--
	return uint32(h.next + 1), true
}

func (h *handles) at(n uint32) any {
	if n == 0 || n > uint32(len(h.open)) {
		return nil
	}
	return h.open[n-1]
}

// remove closes a number; the thing is the caller's.
func (h *handles) remove(n uint32) {
	if w, is := h.open[n-1].(weighty); is {
		w.account().release()
	}
	h.open[n-1] = nil
	h.free++
}

// closeAll ends everything that is still open.
func (h *handles) closeAll(err error) {
	for _, v := range h.open {
		if c, ok := v.(closer); ok {
			c.abandon(err)
		}
	}
	*h = handles{}
}

// lasting is a thing that is no part of an exchange: a program that serves several may keep it.
type lasting interface{ lasts() }

func (*configStore) lasts() {}
func (*secretStore) lasts() {}
func (*acl) lasts()         {}
func (*store) lasts()       {}
func (*endpoint) lasts()    {}
func (*promise) lasts()     {}

// closeExchange ends what is open of an exchange, and returns how many things stay.
//
// Fast path: until numbers are used again, those from before the exchange have been looked at.
func (h *handles) closeExchange(err error) (left int) {
	if len(h.open) == maxHandles {
		h.old = 0
	}
	for i := h.old; i < len(h.open); i++ {
		v := h.open[i]
		if _, stays := v.(lasting); stays || v == nil {
			continue
		}
		if c, ok := v.(closer); ok {
			c.abandon(err)
		}
		h.remove(uint32(i + 1))
	}
	h.old = len(h.open)
	return len(h.open) - h.free
}

// busy tells whether something is under way that the guest may still wait for, or write to.
func (h *handles) busy() bool {
	for _, v := range h.open {
		switch v := v.(type) {
		case *pending, *operation, *entry, *httpEntry:
			return true
		case *body:
			if v.out != nil {
				return true
			}
		}
	}
	return false
}

// find is the thing of a number, if it is of the kind T.
func find[T any](c *call, n uint32) (*T, bool) {
	v, ok := c.handles.at(n).(*T)
	return v, ok
}

// takeAway is find, and the number is closed.
func takeAway[T any](c *call, n uint32) (*T, bool) {
	v, ok := find[T](c, n)
	if ok {
		c.handles.remove(n)
	}
	return v, ok
}

// open opens a thing and writes its number to the result i. If too many are
// open, or the run holds too much, the thing is closed.
func (c *call) open(i int, v any) status {
	w, is := v.(weighty)
	fits := true
	if is {
		a := w.account()
		*a = booking{on: c.aside}
		fits = a.change(w.weight())
	}
	n, ok2 := noHandle, false
	if fits {
		n, ok2 = c.handles.add(v)
	}
	if !ok2 {
		if is {
			w.account().release()
		}
		if cl, is := v.(closer); is {
			cl.abandon(errUnfinished)
		}
		c.put32(i, noHandle)
		return limitExceeded
	}
	c.put32(i, n)
	return ok
}
