//go:build !wasip1

package wedgetest

import (
	"time"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

const maxCounterKey = 256

type counterKey struct {
	key  string
	span time.Duration
}

// window is what was counted, with its times: exact, where the node's counters are near it.
type window struct{ events []event }

type event struct {
	at    time.Time
	delta int64
}

func (w *window) sum(now time.Time, span time.Duration) (n int64) {
	for _, e := range w.events {
		if now.Sub(e.at) < span {
			n += e.delta
		}
	}
	return n
}

func (h *host) count(function string, key []byte, ms int64, sum *uint64, delta func(w *window)) int32 {
	return h.do(function, func(*Exchange) raw.Status {
		d, ok := span(ms)
		if !ok || d < time.Second || d > 24*time.Hour || len(key) == 0 || len(key) > maxCounterKey {
			return raw.StatusInvalid
		}
		k := counterKey{string(key), d}
		w := h.node.counters[k]
		if w == nil {
			w = &window{}
			h.node.counters[k] = w
		}
		delta(w)
		*sum = uint64(w.sum(h.node.Now, d))
		return raw.StatusOK
	})
}

func (h *host) CounterAdd(key []byte, window_, delta int64, sum *uint64) int32 {
	return h.count("counter_add", key, window_, sum, func(w *window) { w.events = append(w.events, event{h.node.Now, delta}) })
}

func (h *host) CounterRead(key []byte, window_ int64, sum *uint64) int32 {
	return h.count("counter_read", key, window_, sum, func(*window) {})
}

func (h *host) PenaltySet(key []byte, duration int64) int32 {
	return h.do("penalty_set", func(*Exchange) raw.Status {
		d, ok := span(duration)
		if !ok || d > 24*time.Hour || len(key) == 0 || len(key) > maxCounterKey {
			return raw.StatusInvalid
		}
		h.node.aside[string(key)] = h.node.Now.Add(d)
		return raw.StatusOK
	})
}

func (h *host) Penalty(key []byte, left *uint64) int32 {
	return h.do("penalty", func(*Exchange) raw.Status {
		if len(key) == 0 || len(key) > maxCounterKey {
			return raw.StatusInvalid
		}
		d := max(0, h.node.aside[string(key)].Sub(h.node.Now))
		*left = uint64((d + time.Millisecond - 1) / time.Millisecond)
		return raw.StatusOK
	})
}
