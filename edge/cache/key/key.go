package key

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Key is the hash of a request's key parts.
type Key [16]byte

// Config is what a route's configuration adds to its keys.
type Config struct {
	Owner, Site string
	// Origin is the name of the origin that is asked unless a function has
	// chosen another.
	Origin string
	// Versions are the versions of those bound functions that may change what
	// is fetched, in the order in which they run.
	Versions []string
	// Cookies are the names of cookies whose values are part of the key.
	Cookies []string
}

// kind is the first byte of a part. Kinds are never given another meaning:
// keys on disk would change theirs.
type kind byte

const (
	kindOwner kind = iota + 1
	kindSite
	kindScheme
	kindHost
	kindPath
	kindQuery
	kindReplaced
	kindCookie
	kindNoCookie
	kindVersion
	kindName
	kindValue
	kindOrigin
	kindStored
)

// A Maker makes keys. It is safe for concurrent use.
//
// Why SHA-256, cut to 128 bits? A key is all that keeps one owner's or user's
// entry from another's, so nobody may find two requests with one key, not even
// who has seen many keys or the secret. With the processor's instructions for
// it a key takes two or three blocks of 75 ns. maphash takes a tenth of that,
// but gives 64 bits and no promise; a chain of AES blocks takes as long; and
// whoever learns the secret of a SipHash-128 can compute collisions of it. The
// secret is there so that nothing can be computed in advance. What is asked for
// again and again is not hashed again (see memo).
type Maker struct {
	seed    [SeedSize]byte
	scratch sync.Pool // *[]byte
	memo    memo
}

// SeedSize is the size of a Maker's secret in bytes.
const SeedSize = 16

// keptScratch bounds what an idle buffer holds, in bytes.
const keptScratch = 64 << 10

// New makes a Maker with a secret of its own: keys of two Makers have nothing
// to do with each other.
func New() *Maker {
	var seed [SeedSize]byte
	rand.Read(seed[:]) // never fails (crypto/rand)
	return NewSeeded(seed)
}

// NewSeeded makes a Maker with a given secret, for keys that outlive a process.
func NewSeeded(seed [SeedSize]byte) *Maker {
	m := &Maker{seed: seed}
	m.memo.seed = maphash.MakeSeed()
	m.scratch.New = func() any { b := make([]byte, 0, 1<<10); return &b }
	return m
}

// Key is the key of x as it left on_request. HEAD has the key of GET, for which
// the method is no part of it.
func (m *Maker) Key(x *exchange.Exchange, c *Config) Key {
	p := m.scratch.Get().(*[]byte)
	b := append((*p)[:0], m.seed[:]...)
	b = Append(b, x, c)
	k := m.memo.key(b)
	m.put(p, b)
	return k
}

// URL is the hash of a URL under its owner, by which a purge finds every key
// that was made from it.
func (m *Maker) URL(owner, scheme, host, path, query string, hasQuery bool) Key {
	p := m.scratch.Get().(*[]byte)
	b := append((*p)[:0], m.seed[:]...)
	b = part(b, kindOwner, owner)
	b = appendURL(b, scheme, host, path, query, hasQuery)
	sum := sha256.Sum256(b)
	m.put(p, b)
	return Key(sum[:len(Key{})])
}

// Value is the key of a value that functions keep in the cache under an owner.
// It begins with a part that no request's key begins with.
func (m *Maker) Value(owner string, k []byte) Key {
	p := m.scratch.Get().(*[]byte)
	b := append((*p)[:0], m.seed[:]...)
	b = part(b, kindStored, "")
	b = part(b, kindOwner, owner)
	b = append(b, k...) // the last part needs no length
	sum := sha256.Sum256(b)
	m.put(p, b)
	return Key(sum[:len(Key{})])
}

func (m *Maker) put(p *[]byte, b []byte) {
	if cap(b) <= keptScratch {
		*p = b[:0]
		m.scratch.Put(p)
	}
}

// part appends one part: its kind, its length, its bytes. Whatever the bytes
// are, the next part begins where the length says, so a list of parts can be
// read back from its bytes, and two different lists are never the same bytes.
func part(b []byte, k kind, s string) []byte {
	b = append(b, byte(k))
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendURL(b []byte, scheme, host, path, query string, hasQuery bool) []byte {
	b = part(b, kindScheme, scheme)
	b = part(b, kindHost, host)
	b = part(b, kindPath, path)
	if hasQuery {
		b = part(b, kindQuery, query)
	}
	return b
}

// Append appends the parts of x's key, before they are hashed: owner, site,
// origin, the URL or what functions made of it, what configuration adds, then what
// functions added.
func Append(b []byte, x *exchange.Exchange, c *Config) []byte {
	q, ch := &x.Request, &x.Choices.Key
	b = part(b, kindOwner, c.Owner)
	b = part(b, kindSite, c.Site)
	// Two routes of a site may have two origins, and a function may give a request
	// on one of them the path of the other: what their origins say to the same
	// path are two things.
	b = part(b, kindOrigin, cmp.Or(x.Choices.Origin, c.Origin))
	b = part(b, kindScheme, q.Scheme)
	b = part(b, kindHost, q.Host)
	switch {
	case ch.HasReplace:
		b = part(b, kindReplaced, ch.Replace)
	default:
		b = appendPath(b, q.Path, ch.LowerCase)
		if q.HasQuery && !ch.IgnoreAllQuery {
			b = appendQuery(b, q.Query, ch)
		}
	}
	for _, name := range c.Cookies {
		v, ok := cookie(&q.Header, name)
		if !ok {
			b = part(b, kindNoCookie, name)
			continue
		}
		b = part(b, kindCookie, name)
		b = part(b, kindValue, v)
	}
	for _, v := range c.Versions {
		b = part(b, kindVersion, v)
	}
	for i := range ch.Parts {
		b = part(b, kindName, ch.Parts[i].Name)
		b = part(b, kindValue, ch.Parts[i].Value)
	}
	return b
}

func appendPath(b []byte, path string, lower bool) []byte {
	b = part(b, kindPath, path)
	if lower {
		lowerCase(b[len(b)-len(path):])
	}
	return b
}

func lowerCase(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
}

// cookie is the value of the first cookie of that name. Cookie names are
// compared with their case (RFC 6265 §5.4).
func cookie(h *exchange.Header, name string) (string, bool) {
	if !h.Has(exchange.Cookie) {
		return "", false
	}
	for i := 0; i < h.Len(); i++ {
		f := h.At(i)
		if f.Known() != exchange.Cookie {
			continue
		}
		for rest, more := f.Value, true; more; {
			var pair string
			pair, rest, more = strings.Cut(rest, ";")
			n, v, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if ok && n == name {
				return v, true
			}
		}
	}
	return "", false
}
