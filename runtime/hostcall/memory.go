package hostcall

import (
	"encoding/binary"
	"math"
)

// Memory is a guest's linear memory with every access checked. Pointers and lengths come from the guest: any value is
// possible, and no sum of two of them is computed in 32 bits. An access that does not fit whole does nothing and
// answers false.
//
// A Memory, and each view of it, is valid until the guest runs again: it may then have grown, or be reset.
type Memory struct {
	b     []byte
	notes *Notes // nil: nobody notes what is written
}

// MemoryOf returns a Memory over b. Writes go to b.
func MemoryOf(b []byte) Memory { return Memory{b: b} }

// NotedMemoryOf returns a Memory over b that notes where it is written to.
func NotedMemoryOf(b []byte, notes *Notes) Memory { return Memory{b, notes} }

// Size returns the length in bytes. The full 4 GiB, which 32 bits cannot say, is given as one byte less.
func (m Memory) Size() uint32 { return uint32(min(uint64(len(m.b)), math.MaxUint32)) }

// View returns the n bytes at ptr. They are the guest's memory itself: a write is seen by the guest, an append copies.
// No bytes at the very end are a valid, empty view. All of them count as written to.
func (m Memory) View(ptr, n uint32) ([]byte, bool) {
	b, ok := m.Look(ptr, n)
	if ok && m.notes != nil {
		m.notes.note(ptr, n)
	}
	return b, ok
}

// Look is View for who only reads. Nothing may be written to what it returns: an instance that is put back would keep it,
// and the next exchange see it.
func (m Memory) Look(ptr, n uint32) ([]byte, bool) {
	end := uint64(ptr) + uint64(n)
	if end > uint64(len(m.b)) {
		return nil, false
	}
	return m.b[ptr:end:end], true
}

// Write copies b to ptr, all of it or nothing.
func (m Memory) Write(ptr uint32, b []byte) bool {
	if uint64(ptr)+uint64(len(b)) > uint64(len(m.b)) {
		return false
	}
	if m.notes != nil {
		m.notes.note(ptr, uint32(len(b)))
	}
	copy(m.b[ptr:], b)
	return true
}

// WriteString copies s to ptr, all of it or nothing.
func (m Memory) WriteString(ptr uint32, s string) bool {
	if uint64(ptr)+uint64(len(s)) > uint64(len(m.b)) {
		return false
	}
	if m.notes != nil {
		m.notes.note(ptr, uint32(len(s)))
	}
	copy(m.b[ptr:], s)
	return true
}

// ReadUint8 returns the byte at ptr.
func (m Memory) ReadUint8(ptr uint32) (byte, bool) {
	b, ok := m.Look(ptr, 1)
	if !ok {
		return 0, false
	}
	return b[0], true
}

// WriteUint8 stores v at ptr.
func (m Memory) WriteUint8(ptr uint32, v byte) bool {
	b, ok := m.View(ptr, 1)
	if ok {
		b[0] = v
	}
	return ok
}

// ReadUint16 returns the little-endian number at ptr.
func (m Memory) ReadUint16(ptr uint32) (uint16, bool) {
	b, ok := m.Look(ptr, 2)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint16(b), true
}

// WriteUint16 stores v at ptr, little-endian.
func (m Memory) WriteUint16(ptr uint32, v uint16) bool {
	b, ok := m.View(ptr, 2)
	if ok {
		binary.LittleEndian.PutUint16(b, v)
	}
	return ok
}

// ReadUint32 returns the little-endian number at ptr.
func (m Memory) ReadUint32(ptr uint32) (uint32, bool) {
	b, ok := m.Look(ptr, 4)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b), true
}

// WriteUint32 stores v at ptr, little-endian.
func (m Memory) WriteUint32(ptr, v uint32) bool {
	b, ok := m.View(ptr, 4)
	if ok {
		binary.LittleEndian.PutUint32(b, v)
	}
	return ok
}

// ReadUint64 returns the little-endian number at ptr.
func (m Memory) ReadUint64(ptr uint32) (uint64, bool) {
	b, ok := m.Look(ptr, 8)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}

// WriteUint64 stores v at ptr, little-endian.
func (m Memory) WriteUint64(ptr uint32, v uint64) bool {
	b, ok := m.View(ptr, 8)
	if ok {
		binary.LittleEndian.PutUint64(b, v)
	}
	return ok
}
