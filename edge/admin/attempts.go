package admin

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

const (
	// freeAttempts is how many wrong tokens in a row a peer may try, and
	// attemptEvery how often one more once these are spent.
	freeAttempts = 10
	attemptEvery = 10 * time.Second
	// maxPeers bounds how many peers are remembered.
	maxPeers = 4096
)

// attempts slows down those who guess tokens. A peer is an IPv4 address or a
// /64 of IPv6, which is what one machine has.
//
// mu guards until: when a peer's debt of attempts will be paid. One that is in
// the past is as good as none.
//
// INVARIANT: len(until) ≤ maxPeers. When there are more, one that owes
// little is forgotten: that lets somebody with thousands of addresses guess a
// little more, where a shared limit would let them lock out the operator.
type attempts struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// failed notes a wrong token.
func (a *attempts) failed(peer string, now time.Time) {
	peer = network(peer)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.until == nil {
		a.until = map[string]time.Time{}
	}
	t, known := a.until[peer]
	if !known && len(a.until) >= maxPeers {
		a.forget(now)
	}
	if t.Before(now) {
		t = now
	}
	a.until[peer] = t.Add(attemptEvery)
}

// blocked returns how long a peer must wait before it may try again.
func (a *attempts) blocked(peer string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	free := now.Add((freeAttempts - 1) * attemptEvery)
	if t := a.until[network(peer)]; t.After(free) {
		return t.Sub(free)
	}
	return 0
}

// forget makes room for one more: of some peers it drops those that owe
// nothing, or else the one that owes least. It looks at a few only, because
// whoever has many addresses decides how often it is called.
func (a *attempts) forget(now time.Time) {
	var least string
	looked, dropped := 0, false
	for p, t := range a.until { // in an order that differs each time
		switch {
		case !t.After(now):
			delete(a.until, p)
			dropped = true
		case least == "" || t.Before(a.until[least]):
			least = p
		}
		if looked++; looked == 32 {
			break
		}
	}
	if !dropped {
		delete(a.until, least)
	}
}

// network is what a peer's address is counted under.
func network(peer string) string {
	ip, err := netip.ParseAddr(peer)
	if err != nil {
		return peer
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return peer
	}
	return p.String()
}

// peerOf is the address that a request came from. Fields that say otherwise
// are not believed.
func peerOf(r *http.Request) string {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap().String()
	}
	return r.RemoteAddr
}

// seconds writes a duration for Retry-After, rounded up.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
