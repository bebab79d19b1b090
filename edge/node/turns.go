package node

import (
	"context"
	"sync"
)

// turns are room for work that takes long: so much at once in all, and one of each
// owner, so that who asks for much of it waits behind himself.
//
// An owner's channel has an element while work of his has a place or waits for one.
// mu guards owners, which has those whose functions the node knows.
type turns struct {
	all chan struct{}

	mu     sync.Mutex
	owners map[string]chan struct{}
}

func newTurns(n int) *turns {
	return &turns{all: make(chan struct{}, n), owners: map[string]chan struct{}{}}
}

// enter waits for a place; it fails when ctx is over.
func (p *turns) enter(ctx context.Context, owner string) (leave func(), ok bool) {
	p.mu.Lock()
	own := p.owners[owner]
	if own == nil {
		own = make(chan struct{}, 1)
		p.owners[owner] = own
	}
	p.mu.Unlock()
	select {
	case own <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	select {
	case p.all <- struct{}{}:
		return func() { <-p.all; <-own }, true
	case <-ctx.Done():
		<-own
		return nil, false
	}
}
