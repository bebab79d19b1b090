package source

import "encoding/binary"

// cursor reads a table from front to back. Once something is missing it is at its end, fails, and yields zeros.
type cursor struct {
	b   []byte
	pos int
	bad bool
}

func (c *cursor) left() int { return len(c.b) - c.pos }

func (c *cursor) fail() {
	c.bad = true
	c.pos = len(c.b)
}

// take returns the next n bytes, or nil.
func (c *cursor) take(n int) []byte {
	if n < 0 || n > c.left() {
		c.fail()
		return nil
	}
	b := c.b[c.pos : c.pos+n]
	c.pos += n
	return b
}

func (c *cursor) u8() byte {
	if c.pos >= len(c.b) {
		c.fail()
		return 0
	}
	c.pos++
	return c.b[c.pos-1]
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// offset reads an offset or a length, whose size is that of the DWARF.
func (c *cursor) offset(wide bool) uint64 {
	if wide {
		return c.u64()
	}
	return uint64(c.u32())
}

// uint reads an unsigned LEB128 number. Bits beyond 64 are lost, as in other readers; padding is allowed.
func (c *cursor) uint() (v uint64) {
	for shift := uint(0); ; shift += 7 {
		b := c.u8()
		if shift < 64 {
			v |= uint64(b&0x7f) << shift
		}
		if b < 0x80 {
			return v
		}
	}
}

// int reads a signed one.
func (c *cursor) int() (v int64) {
	for shift := uint(0); ; {
		b := c.u8()
		if shift < 64 {
			v |= int64(b&0x7f) << shift
		}
		shift += 7
		if b < 0x80 {
			if b&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
}

// text reads a string that ends with a zero byte.
func (c *cursor) text() string {
	for i, b := range c.b[c.pos:] {
		if b == 0 {
			s := c.b[c.pos : c.pos+i]
			c.pos += i + 1
			return string(s[:min(len(s), maxText)])
		}
	}
	c.fail()
	return ""
}

// maxText is how much of a name is taken; compilers write paths.
const maxText = 1 << 10
