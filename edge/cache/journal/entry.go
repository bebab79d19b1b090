package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// A Kind is what a purge names. Numbers are never given another meaning.
type Kind uint8

// The kinds.
const (
	All Kind = iota + 1
	Tag
	URL
	Prefix
)

// An Entry is one purge.
type Entry struct {
	Sequence uint64
	Owner    string
	Kind     Kind
	Soft     bool
	// Text is the tag, the URL or the prefix; "" for All.
	Text string
}

const (
	magic = "wedgejrn"
	// version is the format's. A file of another one is dropped, and the cache
	// with it.
	version = 1
	// maxText bounds what is believed of a length.
	maxText = 1 << 20

	headerSize = 8 + 4 + 16 + 8 + secretSize + 4
	secretSize = 64
)

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// A header begins the file:
//
//	magic "wedgejrn" | version u32 | layout 16 | epoch u64 | secret 64 | crc u32
type header struct {
	layout [16]byte
	epoch  uint64
	secret [secretSize]byte
}

func (h *header) append(b []byte) []byte {
	at := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = append(b, h.layout[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.epoch)
	b = append(b, h.secret[:]...)
	return binary.LittleEndian.AppendUint32(b, crc(b[at:]))
}

func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headerSize || string(b[:8]) != magic || binary.LittleEndian.Uint32(b[8:]) != version ||
		binary.LittleEndian.Uint32(b[headerSize-4:]) != crc(b[:headerSize-4]) {
		return h, false
	}
	copy(h.layout[:], b[12:])
	h.epoch = binary.LittleEndian.Uint64(b[28:])
	copy(h.secret[:], b[36:])
	return h, true
}

// append writes an entry:
//
//	crc u32, of all that follows | owner u32 | text u32 | sequence u64 | kind u8 | soft u8 | owner | text
func (e *Entry) append(b []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Owner)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Text)))
	b = binary.LittleEndian.AppendUint64(b, e.Sequence)
	soft := byte(0)
	if e.Soft {
		soft = 1
	}
	b = append(b, byte(e.Kind), soft)
	b = append(b, e.Owner...)
	b = append(b, e.Text...)
	binary.LittleEndian.PutUint32(b[at:], crc(b[at+4:]))
	return b
}

const entryHeader = 4 + 4 + 4 + 8 + 2

// parseEntry takes the first entry off b; false if there is none, or it was torn.
func parseEntry(b []byte) (e Entry, rest []byte, ok bool) {
	if len(b) < entryHeader {
		return e, b, false
	}
	owner, text := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	if owner > maxText || text > maxText || len(b) < entryHeader+int(owner)+int(text) {
		return e, b, false
	}
	n := entryHeader + int(owner) + int(text)
	if binary.LittleEndian.Uint32(b) != crc(b[4:n]) {
		return e, b, false
	}
	e = Entry{
		Sequence: binary.LittleEndian.Uint64(b[12:]),
		Kind:     Kind(b[20]), Soft: b[21] == 1,
		Owner: string(b[entryHeader : entryHeader+owner]), Text: string(b[entryHeader+owner : n]),
	}
	return e, b[n:], e.Kind >= All && e.Kind <= Prefix && b[21] <= 1
}
