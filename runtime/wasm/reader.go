package wasm

import (
	"fmt"
	"unicode/utf8"
)

// Reader is a cursor over a part of a module. The first error sticks: from then on every method returns zero and
// moves nothing, so a sequence of reads needs one look at [Reader.Err], and a loop over a count needs one in its condition.
type Reader struct {
	buf  []byte
	pos  int
	base int // offset of buf[0] in the module, for errors
	err  *Error

	labels []uint32 // backs Instr.Labels, reused from one br_table to the next
}

// NewReader reads b, whose first byte stands at offset base of the module.
func NewReader(b []byte, base int) *Reader { return &Reader{buf: b, base: base} }

// Err is the first error, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Pos is the position in the reader's own bytes, Offset the one in the module.
func (r *Reader) Pos() int    { return r.pos }
func (r *Reader) Offset() int { return r.base + r.pos }

// Left is the number of bytes not yet read; 0 after an error, so that loops end.
func (r *Reader) Left() int {
	if r.err != nil {
		return 0
	}
	return len(r.buf) - r.pos
}

// Bytes from one position of the reader to another.
func (r *Reader) Between(from, to int) []byte { return r.buf[from:to] }

func (r *Reader) fail(offset int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: offset, Problem: fmt.Sprintf(format, args...)}
	}
}

func (r *Reader) unsupported(offset int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: offset, Problem: fmt.Sprintf(format, args...), Unsupported: true}
	}
}

func (r *Reader) truncated(what string) {
	r.fail(r.base+len(r.buf), "expected %s, found the end", what)
}

// Byte reads one byte.
func (r *Reader) Byte(what string) byte {
	if r.err != nil {
		return 0
	}
	if r.pos >= len(r.buf) {
		r.truncated(what)
		return 0
	}
	c := r.buf[r.pos]
	r.pos++
	return c
}

// Bytes reads n bytes, which stay part of the input: clone to keep or change them.
func (r *Reader) Bytes(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.buf)-r.pos {
		r.fail(r.Offset(), "expected %d bytes of %s, found %d", n, what, len(r.buf)-r.pos)
		return nil
	}
	b := r.buf[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// U32 reads an unsigned 32-bit integer in LEB128.
func (r *Reader) U32(what string) uint32 {
	if r.err == nil && r.pos < len(r.buf) && r.buf[r.pos] < 0x80 { // Fast path: one byte
		r.pos++
		return uint32(r.buf[r.pos-1])
	}
	return uint32(r.unsigned(32, what))
}

// S32, S33 and S64 read signed integers in LEB128.
func (r *Reader) S32(what string) int32 { return int32(r.signed(32, what)) }
func (r *Reader) S33(what string) int64 { return r.signed(33, what) }
func (r *Reader) S64(what string) int64 { return r.signed(64, what) }

// "the total number of bytes encoding a value of type uN must not exceed ceil(N/7) bytes", and
// "the unused bits in the final byte must be zero"
// https://webassembly.github.io/spec/core/binary/values.html#integers
func (r *Reader) unsigned(bits uint, what string) uint64 {
	start := r.Offset()
	var v uint64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.Byte(what)
		if r.err != nil {
			return 0
		}
		if left := bits - shift; left < 7 && (c&0x7f)>>left != 0 {
			break
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.fail(start, "expected %s, found an integer of more than %d bits", what, bits)
	return 0
}

// "the unused bits in the final byte must correspond to the sign"
// https://webassembly.github.io/spec/core/binary/values.html#integers
func (r *Reader) signed(bits uint, what string) int64 {
	start := r.Offset()
	var v int64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.Byte(what)
		if r.err != nil {
			return 0
		}
		if left := bits - shift; left < 7 {
			// Bit left-1 is the sign; it and all above it must be equal, the continuation bit must be clear.
			if top := int8(c<<1) >> left; c >= 0x80 || top != 0 && top != -1 {
				break
			}
		}
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if c&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	r.fail(start, "expected %s, found an integer of more than %d bits", what, bits)
	return 0
}

// Count reads the length of a vector whose items take at least size bytes each. A count that the remaining bytes cannot
// hold is an error at once, so callers may allocate by it.
func (r *Reader) Count(size int, what string) int {
	start := r.Offset()
	n := r.U32("number of " + what)
	if int64(n)*int64(size) > int64(r.Left()) {
		r.fail(start, "expected at most %d %s in the %d bytes left, found a count of %d", r.Left()/size, what, r.Left(), n)
		return 0
	}
	return int(n)
}

// Name reads a length and so many bytes of UTF-8.
func (r *Reader) Name(what string) string {
	n := r.U32("length of " + what)
	start := r.Offset()
	b := r.Bytes(int(n), what)
	if !utf8.Valid(b) {
		r.fail(start, "expected UTF-8 in %s", what)
		return ""
	}
	return string(b)
}

// End fails unless everything was read.
func (r *Reader) End(what string) {
	if n := r.Left(); n != 0 {
		r.fail(r.Offset(), "expected the end of %s, found %d more bytes", what, n)
	}
}
