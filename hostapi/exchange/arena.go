package exchange

import "unsafe"

// An arena holds the bytes of strings made during one exchange. When it is
// full a larger block takes its place; strings in the old block keep that
// alive by themselves.
type arena struct{ b []byte }

const (
	arenaFirst = 1 << 10
	// arenaKept bounds what an idle exchange holds in the pool.
	arenaKept = 64 << 10
)

func (a *arena) room(n int) {
	if cap(a.b)-len(a.b) < n {
		a.b = make([]byte, 0, max(arenaFirst, 2*cap(a.b), n))
	}
}

func (a *arena) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	a.room(len(b))
	at := len(a.b)
	a.b = append(a.b, b...)
	return unsafe.String(&a.b[at], len(b))
}

func (a *arena) join(parts []string) string {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n == 0 {
		return ""
	}
	a.room(n)
	at := len(a.b)
	for _, p := range parts {
		a.b = append(a.b, p...)
	}
	return unsafe.String(&a.b[at], n)
}

func (a *arena) reset() {
	poison(a.b)
	if cap(a.b) > arenaKept {
		a.b = nil
	}
	a.b = a.b[:0]
}
