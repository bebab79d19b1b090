package fastly

import "sync"

// mostHits is of how many objects it is known how often they were found.
const mostHits = 4096

// hits count how often objects were found in the node's cache by this function, since it was loaded. Of which it has
// counted too many others since, it has forgotten.
type hits struct {
	mu  sync.Mutex
	all map[hit]uint64
}

// hit is an object: another one under its key began at another time.
type hit struct {
	key      string
	inserted int64
}

func hitOf(o *object) hit { return hit{o.key, o.Inserted.UnixNano()} }

// add counts that an object was found; nil is none, and one that is on its way counts as nothing yet.
func (h *hits) add(o *object) {
	if o == nil || o.key == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[hit]uint64{}
	}
	which := hitOf(o)
	if n, known := h.all[which]; known {
		h.all[which] = n + 1
		return
	}
	if len(h.all) >= mostHits {
		for k := range h.all { // whichever comes first
			delete(h.all, k)
			break
		}
	}
	h.all[which] = 1
}

// of is how often it was found.
func (h *hits) of(o *object) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[hitOf(o)]
}
