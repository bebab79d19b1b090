package admin

import (
	"fmt"
	"sync"
	"time"
)

// places bound what goes on at one time. Of one owner it is at most half, so that who
// sends module after module that takes long keeps others from nothing.
//
// mu guards owners and the users of each. INVARIANT: who is in owners has users.
type places struct {
	what string
	all  chan struct{} // an element for each that is taken

	mu     sync.Mutex
	owners map[string]*ownPlaces
}

// ownPlaces are those of an owner.
type ownPlaces struct {
	taken chan struct{}
	users int // who have a place or wait for one
}

func newPlaces(what string, n int) *places {
	return &places{what: what, all: make(chan struct{}, n), owners: map[string]*ownPlaces{}}
}

// enter waits for a place, for as long as uploadWait. Call leave afterwards.
func (p *places) enter(owner string) (leave func(), err error) {
	p.mu.Lock()
	own := p.owners[owner]
	if own == nil {
		own = &ownPlaces{taken: make(chan struct{}, (cap(p.all)+1)/2)}
		p.owners[owner] = own
	}
	own.users++
	p.mu.Unlock()
	gone := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if own.users--; own.users == 0 {
			delete(p.owners, owner)
		}
	}
	full := func(n int, whose string) error {
		gone()
		return &Error{Code: Unavailable, Message: fmt.Sprintf("%d %s%s are under way", n, p.what, whose), Hint: "try again when they are done"}
	}
	t := time.NewTimer(uploadWait)
	defer t.Stop()
	select {
	case own.taken <- struct{}{}:
	case <-t.C:
		return nil, full(cap(own.taken), " of this owner")
	}
	select {
	case p.all <- struct{}{}:
		return func() { <-p.all; <-own.taken; gone() }, nil
	case <-t.C:
		<-own.taken
		return nil, full(cap(p.all), "")
	}
}
