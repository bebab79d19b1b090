package native

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// Bound is satisfied by what the holder of an instance binds to it: the
// functions of this package find their session there. A bound state without
// one (nil) is a guest outside of everything: each call answers
// not_in_exchange.
type Bound interface{ Native() *Session }

// Native makes a Session a Bound of its own.
func (s *Session) Native() *Session { return s }

const (
	// callFuel is the fixed price of a call.
	callFuel = 40
)

// A body is what a function does: it reads its parameters by slot and returns
// its result, an abi.Status if it is negative.
type body func(s *Session, a []uint64) int64

// Funcs returns the host functions of the ABI, in the order of abi.Funcs. Each
// call makes a new list.
func Funcs() []hostcall.Func {
	all := make([]hostcall.Func, len(abi.Funcs))
	table := bodies()
	for i := range abi.Funcs {
		all[i] = bind(&abi.Funcs[i], table[i])
	}
	return all
}

func bind(d *abi.Func, do body) hostcall.Func {
	result := hostcall.I32
	if d.Result == abi.ResultI64 {
		result = hostcall.I64
	}
	byMessage := len(d.Params) > 0 && d.Params[0].Type == "message"
	return hostcall.Func{
		Module: abi.Module, Name: d.Name, Params: signature(d), Results: []hostcall.ValueType{result}, Fuel: callFuel, Waits: d.Waits,
		Body: func(c *hostcall.Call, stack []uint64) {
			r := int64(abi.StatusNotInExchange)
			if bound, ok := c.State().(Bound); ok {
				if s := bound.Native(); s != nil {
					m := uint32(0)
					if byMessage {
						m = uint32(stack[0])
					}
					switch {
					case m > 1:
						r = int64(abi.StatusInvalid)
					default:
						if st := s.permit(d.Needs[m]); st != abi.StatusOK {
							r = int64(st)
							break
						}
						s.call = c
						r = do(s, stack)
					}
				}
			}
			if result == hostcall.I32 {
				r = int64(uint32(int32(r)))
			}
			stack[0] = uint64(r)
		},
	}
}

// signature spells the parameters out: text, bytes and buffers are two.
func signature(d *abi.Func) (t []hostcall.ValueType) {
	for _, p := range d.Params {
		switch p.Kind {
		case abi.I64:
			t = append(t, hostcall.I64)
		case abi.F64:
			t = append(t, hostcall.F64)
		case abi.Text, abi.Bytes, abi.Buffer:
			t = append(t, hostcall.I32, hostcall.I32)
		default:
			t = append(t, hostcall.I32)
		}
	}
	return t
}

// permit answers whether the hook may do it: not_in_exchange, not_allowed, or
// ok. Refusals within an exchange are counted.
func (s *Session) permit(p abi.Permit) abi.Status {
	g := &abi.Grants[p]
	if !s.in {
		if g.Outside {
			return abi.StatusOK
		}
		return abi.StatusNotInExchange
	}
	if g.Hooks.Has(s.hook) || s.responded && g.Answered.Has(s.hook) {
		if s.frozen && frozen(p) {
			return abi.StatusFrozen
		}
		return abi.StatusOK
	}
	s.b.denied.Add(1)
	return abi.StatusNotAllowed
}

// frozen tells of permits that end when the head is on its way.
func frozen(p abi.Permit) bool {
	return p == abi.PermitChangeResponse || p == abi.PermitReadResponseBody || p == abi.PermitChangeResponseBody || p == abi.PermitKeep
}

// PointerError is why a guest was ended: it gave a pointer whose bytes are not
// all in its memory.
type PointerError struct {
	Func           string
	Pointer, Bytes uint32
	Memory         uint32 // the size of the guest's memory
}

// Error names the function and what it was given.
func (e *PointerError) Error() string {
	return fmt.Sprintf("%s was given %d bytes at address %d, outside of the memory of %d bytes", e.Func, e.Bytes, e.Pointer, e.Memory)
}

func (s *Session) badPointer(ptr, n uint32) {
	s.call.Trap(&PointerError{s.call.Func().Module + "." + s.call.Func().Name, ptr, n, s.call.Memory().Size()})
}

// view is the guest's bytes whose pointer and length stand in slots i and i+1.
// It is valid until the guest runs again, and nobody writes to it.
func (s *Session) view(a []uint64, i int) []byte {
	ptr, n := uint32(a[i]), uint32(a[i+1])
	b, ok := s.call.Memory().Look(ptr, n)
	if !ok {
		s.badPointer(ptr, n)
	}
	s.call.ChargeMoved(int(n))
	return b
}

// fixed is n bytes at the pointer in slot i.
func (s *Session) fixed(a []uint64, i int, n uint32) []byte {
	b, ok := s.call.Memory().View(uint32(a[i]), n)
	if !ok {
		s.badPointer(uint32(a[i]), n)
	}
	return b
}

// text is as view, as a string over the guest's memory: it must not be kept.
func (s *Session) text(a []uint64, i int) string { return alias(s.view(a, i)) }

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// room is the guest's buffer whose pointer and capacity stand in slots i and
// i+1. The bounds are checked before anything is done, so that a bad pointer
// has no effect.
func (s *Session) room(a []uint64, i int) []byte {
	ptr, n := uint32(a[i]), uint32(a[i+1])
	b, ok := s.call.Memory().View(ptr, n)
	if !ok {
		s.badPointer(ptr, n)
	}
	return b
}

// give writes a value into a buffer and returns its length; of a value that
// does not fit nothing is written.
func (s *Session) give(buf []byte, v string) int64 {
	if len(v) <= len(buf) {
		s.call.ChargeMoved(len(v))
		copy(buf, v)
	}
	return int64(len(v))
}

func (s *Session) giveBytes(buf, v []byte) int64 { return s.give(buf, alias(v)) }

// givePairs writes field lines as a list of pairs.
func (s *Session) givePairs(buf []byte, h *exchange.Header, hidden func(exchange.Known) bool) int64 {
	n := 0
	for f := range h.All() {
		if hidden == nil || !hidden(f.Known()) {
			n += 8 + len(f.Name) + len(f.Value)
		}
	}
	if n > len(buf) {
		return int64(n)
	}
	s.call.ChargeMoved(int(n))
	to := buf[:0]
	for f := range h.All() {
		if hidden == nil || !hidden(f.Known()) {
			to = appendPair(to, f.Name, f.Value)
		}
	}
	return int64(n)
}

// pairs reads a list of pairs that a guest gave; false if it is malformed or
// has more than limit of them. The strings are views of guest memory.
func pairs(b []byte, limit int, into []exchange.Field) ([]exchange.Field, bool) {
	for len(b) > 0 {
		if len(b) < 8 || len(into) == limit {
			return into, false
		}
		n, v := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		b = b[8:]
		if uint64(n)+uint64(v) > uint64(len(b)) {
			return into, false
		}
		into = append(into, exchange.Field{Name: alias(b[:n:n]), Value: alias(b[n : n+v : n+v])})
		b = b[n+v:]
	}
	return into, true
}

func status(s abi.Status) int64 { return int64(s) }
