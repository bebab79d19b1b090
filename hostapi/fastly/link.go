package fastly

import (
	"encoding/binary"
	"unsafe"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

const (
	// callFuel is the fixed price of a call.
	callFuel = 40
)

// A param says how one parameter of a function is passed, in one letter:
//
//	i l   a number of 32 or 64 bits
//	s     bytes that the function reads: pointer and length
//	v     numbers of 32 bits that it reads: pointer and count
//	w     room that it writes into: pointer and capacity
//	x     room for the 16 bytes of an address: a pointer
//	h p q room for a result of 16, 32 or 64 bits: a pointer
//	r     a record: a pointer, which is looked at by whoever knows the record's shape
//
// The wrapper looks at all but r before the function runs, so a function that runs can read and write what it was given.
func params(sig string) (t []hostcall.ValueType) {
	for _, p := range []byte(sig) {
		switch p {
		case 'l':
			t = append(t, hostcall.I64)
		case 's', 'v', 'w':
			t = append(t, hostcall.I32, hostcall.I32)
		default:
			t = append(t, hostcall.I32)
		}
	}
	return t
}

// A decl declares a function.
type decl struct {
	name  string
	sig   string
	waits bool
	do    func(*call) status // nil: unsupported
}

// A module is the functions under one import name.
type module struct {
	name  string
	decls []decl
}

// Bound is satisfied by what the holder of an instance binds to it: the
// functions of this package find their session there.
type Bound interface{ Fastly() *Session }

// Fastly makes a Session a Bound of its own.
func (s *Session) Fastly() *Session { return s }

// Funcs returns the host functions of the ABI. Each call makes a new list.
func Funcs() (all []hostcall.Func) {
	for _, m := range modules() {
		for _, d := range m.decls {
			all = append(all, bind(m.name, d))
		}
	}
	return all
}

// Supported tells for each function, by "module.name", whether there is more to it than the answer unsupported.
func Supported() map[string]bool {
	all := map[string]bool{}
	for _, m := range modules() {
		for _, d := range m.decls {
			all[m.name+"."+d.name] = d.do != nil
		}
	}
	return all
}

// bind makes a host function of a declaration. Outside of a run, which a program has no code for, everything is an error.
func bind(module string, d decl) hostcall.Func {
	f := hostcall.Func{Module: module, Name: d.name, Params: params(d.sig), Results: []hostcall.ValueType{hostcall.I32}, Fuel: callFuel, Waits: d.waits}
	var at [16]uint8
	slot := uint8(0)
	for i, p := range []byte(d.sig) {
		at[i] = slot
		if slot++; p == 's' || p == 'v' || p == 'w' {
			slot++
		}
	}
	f.Body = func(h *hostcall.Call, stack []uint64) {
		st := unsupported
		if b, bound := h.State().(Bound); bound && d.do != nil {
			if s := b.Fastly(); s != nil && s.in {
				c := &s.call
				c.Session, c.host, c.memory, c.stack, c.at = s, h, h.Memory(), stack, &at
				if st = c.look(d.sig); st == ok {
					st = d.do(c)
				}
				c.stack = nil
			} else {
				st = failed
			}
		}
		stack[0] = uint64(st)
	}
	return f
}

// A call is one call of the guest's, with its parameters by their place in the
// signature. Views of memory are valid until the function returns.
type call struct {
	*Session
	host   *hostcall.Call
	memory hostcall.Memory
	stack  []uint64
	at     *[16]uint8
}

// look checks what the guest points at.
func (c *call) look(sig string) status {
	for i, p := range []byte(sig) {
		ptr, n := c.u32(i), uint32(0)
		switch p {
		case 's', 'w':
			n = c.size(i)
		case 'v':
			if n = c.size(i); n > maxHandles {
				return invalid
			}
			n *= 4
		case 'x':
			n = 16
		case 'h':
			n = 2
		case 'p':
			n = 4
		case 'q':
			n = 8
		default:
			continue
		}
		if _, in := c.memory.View(ptr, n); !in {
			return invalid
		}
	}
	return ok
}

// u32 is a number, or the pointer of another parameter; u64 a long one.
func (c *call) u32(i int) uint32 { return uint32(c.stack[c.at[i]]) }
func (c *call) u64(i int) uint64 { return c.stack[c.at[i]] }

// size is the length or capacity behind a pointer.
func (c *call) size(i int) uint32 { return uint32(c.stack[c.at[i]+1]) }

// view is the guest's memory of an s or w.
func (c *call) view(i int) []byte {
	b, _ := c.memory.View(c.u32(i), c.size(i))
	return b
}

// text is the guest's memory of an s, which whoever keeps it clones.
func (c *call) text(i int) string {
	b := c.view(i)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// mostField bounds a text in a record: what is longer is no name, cursor, list of names or metadata.
const mostField = 64 << 10

// field is a copy of the text whose pointer and length stand at off of a record that the guest has written. It is false, and
// nothing is copied, if the text is not within the guest's memory or is too long.
func (c *call) field(record hostcall.Memory, off uint32) (text string, valid bool) {
	ptr, in := record.ReadUint32(off)
	n, in2 := record.ReadUint32(off + 4)
	b, in3 := c.memory.View(ptr, n)
	if !in || !in2 || !in3 || n > mostField {
		return "", false
	}
	return string(b), true
}

// handles are the numbers of a v, copied.
func (c *call) numbers(i int) []uint32 {
	b, _ := c.memory.View(c.u32(i), 4*c.size(i))
	out := make([]uint32, len(b)/4)
	for k := range out {
		out[k] = binary.LittleEndian.Uint32(b[4*k:])
	}
	return out
}

// put16, put32 and put64 write a result.
func (c *call) put16(i int, v uint16) { c.memory.WriteUint16(c.u32(i), v) }
func (c *call) put32(i int, v uint32) { c.memory.WriteUint32(c.u32(i), v) }
func (c *call) put64(i int, v uint64) { c.memory.WriteUint64(c.u32(i), v) }

// give writes text into the room i and its length to n. Where the room is too
// small nothing but the length is written, and the guest comes again.
func (c *call) give(i, n int, text string) status {
	room := c.view(i)
	c.put32(n, uint32(len(text)))
	if len(text) > len(room) {
		return bufferLength
	}
	c.charge(len(text))
	copy(room, text)
	return ok
}

// charge takes the fuel for moving n bytes.
func (c *call) charge(n int) { c.host.ChargeMoved(n) }

// giveList writes the texts from the cursor on into the room i, each with a
// NUL behind it, as many as fit; to end the cursor of the next, or -1 behind
// the last, and to n how much was written. Where not even the first fits, its
// length is written and the guest comes again.
func (c *call) giveList(i, cursor, end, n int, texts func(yield func(string) bool)) status {
	room := c.view(i)
	skip, at, written, all := c.u32(cursor), uint32(0), 0, true
	need := 0
	for t := range texts {
		if at++; at <= skip {
			continue
		}
		if written+len(t)+1 > len(room) {
			all, need = false, len(t)+1
			at--
			break
		}
		written += copy(room[written:], t)
		room[written] = 0
		written++
	}
	if !all && written == 0 {
		c.put32(n, uint32(need))
		return bufferLength
	}
	c.charge(written)
	c.put32(n, uint32(written))
	next := int64(-1)
	if !all {
		next = int64(at)
	}
	c.put64(end, uint64(next))
	return ok
}
