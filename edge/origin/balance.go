package origin

import (
	"slices"
	"time"
)

const (
	// backoffFirst is how long a server is put last after its first failed
	// connect; each further one in a row doubles it, up to backoffMost.
	backoffFirst = time.Second
	backoffMost  = 30 * time.Second
)

// pick chooses the server of the next request, by smooth weighted round robin:
// each ready server gains its weight, the one that has most is chosen and pays
// the sum. A server that backs off is chosen only if all do, and one that this
// request has tried never; nil means that the request must wait.
// Preconditions: mu is held.
func (p *pool) pick(now time.Time, tried []*server) *server {
	var best, last *server
	total, busy := 0, false
	for _, s := range p.servers {
		if slices.Contains(tried, s) {
			continue
		}
		full := len(s.idle) == 0 && s.open >= p.settings.Connections
		if now.Before(s.until) {
			if !full && (last == nil || s.until.Before(last.until)) {
				last = s
			}
			continue
		}
		if full {
			busy = true
			continue
		}
		total += s.weight
		s.current += s.weight
		if best == nil || s.current > best.current {
			best = s
		}
	}
	if best == nil {
		if busy {
			return nil // one that works will be free; one that does not would waste an attempt
		}
		return last
	}
	best.current -= total
	return best
}

// promises tells whether a place at s is worth handing to somebody who waits:
// s does not back off, or all do. Preconditions: mu is held.
func (p *pool) promises(s *server, now time.Time) bool {
	return !now.Before(s.until) || !slices.ContainsFunc(p.servers, func(o *server) bool { return !now.Before(o.until) })
}

// failed puts a server that could not be reached last for a while.
// Preconditions: mu is held.
func (s *server) failed(now time.Time) {
	if now.Before(s.until) {
		return // one of several connects that failed together
	}
	d := backoffMost
	if s.failures < 5 {
		d = min(d, backoffFirst<<s.failures)
	}
	s.failures++
	s.until = now.Add(d)
}

// reached ends a server's backing off. Preconditions: mu is held.
func (s *server) reached() { s.failures, s.until = 0, time.Time{} }

// untried tells whether there is a server that is not in tried.
func (p *pool) untried(tried []*server) bool {
	return slices.ContainsFunc(p.servers, func(s *server) bool { return !slices.Contains(tried, s) })
}
