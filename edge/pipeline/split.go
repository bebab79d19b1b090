package pipeline

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Split is what a route has while new versions of its functions are tried out:
// a route for each combination of versions. Which one an exchange takes is
// decided once, when it is routed, so all hooks of the exchange and of its fetch
// are of the same versions.
type Split struct {
	Arms []Arm
	// Routes has 1<<len(Arms) routes; bit i of the index is set where the new
	// version of Arms[i] runs.
	Routes []*Route
}

// MaxArms is how many functions of a route can be tried out at one time.
const MaxArms = 3

// An Arm says which exchanges get a new version.
type Arm struct {
	// Salt makes it other clients with each version.
	Salt string
	// Share is how many of 10 000 clients get it.
	Share uint64
	// Header and Value are a field by which a request gets it, "" if none does.
	Header, Value string
	// Cookie tells clients apart; "" does by address, as for requests without it.
	Cookie string
}

func (s *Split) choose(x *exchange.Exchange) *Route {
	at := 0
	for i := range s.Arms {
		if s.Arms[i].takes(x) {
			at |= 1 << i
		}
	}
	return s.Routes[at]
}

// takes is the same for a client each time, without anything being remembered
// of it: its number is a hash of what it is told apart by.
func (a *Arm) takes(x *exchange.Exchange) bool {
	if a.Header != "" {
		for v := range x.Request.Header.AllNamed(a.Header) {
			if v == a.Value {
				return true
			}
		}
	}
	if a.Share == 0 {
		return false
	}
	h := hashText(fnvBasis, a.Salt)
	if v, ok := a.cookie(x); ok {
		h = hashText(h, v)
	} else {
		addr := x.Client.Addr.Unmap()
		if !addr.IsValid() {
			return false // the node's own: what is stored that way is for most
		}
		b := addr.As16()
		most := len(b)
		if addr.Is6() {
			// Who has a network of the usual size changes the rest at will.
			most = 8
		}
		for _, c := range b[:most] {
			h = (h ^ uint64(c)) * fnvPrime
		}
	}
	return mix(h)%10_000 < a.Share
}

func (a *Arm) cookie(x *exchange.Exchange) (string, bool) {
	if a.Cookie == "" {
		return "", false
	}
	for field := range x.Request.Header.Values(exchange.Cookie) {
		for pair := range strings.SplitSeq(field, ";") {
			if name, v, ok := strings.Cut(strings.Trim(pair, " \t"), "="); ok && name == a.Cookie {
				return v, true
			}
		}
	}
	return "", false
}

// FNV-1a, whose low bits are then spread: addresses of neighbours differ in few.
const (
	fnvBasis = 14695981039346656037
	fnvPrime = 1099511628211
)

func hashText(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// mix is the end of a multiplicative hash: every bit of h reaches every bit of it.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
