package wasm

import "bytes"

// SectionID tells sections apart.
type SectionID byte

// Sections in the order of their numbers, which is not quite their order in a module.
const (
	CustomSection SectionID = iota
	TypeSection
	ImportSection
	FunctionSection
	TableSection
	MemorySection
	GlobalSection
	ExportSection
	StartSection
	ElementSection
	CodeSection
	DataSection
	DataCountSection
	TagSection
)

// order is where a section stands in a module. "Custom sections may be inserted at any place"
// https://webassembly.github.io/spec/core/binary/modules.html#binary-module
func (id SectionID) order() int {
	switch {
	case id <= MemorySection:
		return int(id)
	case id == TagSection:
		return 6
	case id <= ElementSection:
		return int(id) + 1
	case id == DataCountSection:
		return 11
	}
	return int(id) + 2
}

// Section is one section of a module. Head are its number and size as they stand in the file; without them they are
// made when the section is written, so who changes Data sets Head to nil.
type Section struct {
	ID     SectionID
	Name   string // of a custom section
	Offset int    // of Data in the module
	Head   []byte
	Data   []byte // of a custom section: with its name
	Body   int    // where a custom section's content begins in Data
}

// Preamble is what each core module begins with.
const Preamble = "\x00asm\x01\x00\x00\x00"

// Sections splits a module. The slices are parts of the input.
func Sections(module []byte) ([]Section, error) {
	r := NewReader(module, 0)
	if !bytes.HasPrefix(module, []byte(Preamble)) {
		r.fail(0, "expected a core module (00 61 73 6d 01 00 00 00)")
		return nil, r.Err()
	}
	r.Bytes(len(Preamble), "preamble")
	var list []Section
	last := CustomSection
	for r.Left() > 0 {
		start := r.pos
		s := Section{ID: SectionID(r.Byte("a section's number"))}
		if s.ID > TagSection {
			r.unsupported(start, "unknown section %d", s.ID)
		}
		n := r.U32("a section's size")
		s.Head, s.Offset = module[start:r.pos], r.pos
		s.Data = r.Bytes(int(n), "a section")
		if s.ID == CustomSection {
			q := NewReader(s.Data, s.Offset)
			s.Name = q.Name("a custom section's name")
			s.Body = q.pos
			if r.err == nil {
				r.err = q.err
			}
		} else {
			if last != CustomSection && s.ID.order() <= last.order() {
				r.fail(start, "section %d after section %d: out of order", s.ID, last)
			}
			last = s.ID
		}
		list = append(list, s)
	}
	return list, r.Err()
}

// Write puts sections together to a module.
func Write(sections []Section) []byte {
	n := len(Preamble)
	for _, s := range sections {
		n += len(s.Data) + 6
	}
	out := append(make([]byte, 0, n), Preamble...)
	for _, s := range sections {
		if s.Head != nil {
			out = append(out, s.Head...)
		} else {
			out = AppendU32(append(out, byte(s.ID)), uint32(len(s.Data)))
		}
		out = append(out, s.Data...)
	}
	return out
}

// Place is the index in sections at which a section of that number belongs, and whether there is one already.
func Place(sections []Section, id SectionID) (int, bool) {
	for i, s := range sections {
		if s.ID == id {
			return i, true
		}
		if s.ID != CustomSection && s.ID.order() > id.order() {
			return i, false
		}
	}
	return len(sections), false
}
