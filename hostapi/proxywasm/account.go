package proxywasm

import (
	"sync/atomic"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// Bounds of what the filters of one owner have under way at a time, over all its functions and streams. A stream alone may have
// mostCalls, each with a body as large as a filter may hold, twice: without these, an owner's memory for callouts would be its
// instances times all that.
const (
	mostOwned = 1024
	mostHeard = 64 << 20
)

// account counts the callouts of an owner that are under way or not heard yet: how many, and the bytes that they send and of
// their answers.
type account struct {
	calls, bytes atomic.Int64
	users        int // bindings that have it; the mu of shared guards it
}

// begin takes a callout in that sends n bytes; false if there are too many.
func (a *account) begin(n int) bool {
	if a.calls.Add(1) > mostOwned || !a.more(n) {
		a.calls.Add(-1)
		return false
	}
	return true
}

// more takes n bytes in; false if there are too many.
func (a *account) more(n int) bool {
	if a.bytes.Add(int64(n)) > mostHeard {
		a.bytes.Add(-int64(n))
		return false
	}
	return true
}

// end is the end of a callout with its n bytes.
func (a *account) end(n int) {
	a.bytes.Add(-int64(n))
	a.calls.Add(-1)
}

// account is that of an owner, for a binding until it calls leave.
func (h *shared) account(o services.Owner) *account {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[o]
	if a == nil {
		a = new(account)
		h.accounts[o] = a
	}
	a.users++
	return a
}

// leave gives an account back. What is under way still counts on it, and on none that is made for the owner afterwards: the
// callouts of a binding end with it.
func (h *shared) leave(o services.Owner) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.accounts[o]; a != nil {
		if a.users--; a.users == 0 {
			delete(h.accounts, o)
		}
	}
}
