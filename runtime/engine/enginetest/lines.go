package enginetest

import (
	"encoding/binary"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// WithLines adds line tables of DWARF to a module that has code, in which the byte at offset n of the code section is line n of
// "guest.src".
func WithLines(module []byte) []byte {
	sections, err := wasm.Sections(module)
	if err != nil {
		panic("BUG: enginetest: " + err.Error())
	}
	at, ok := wasm.Place(sections, wasm.CodeSection)
	if !ok {
		panic("BUG: enginetest: a module without code has no lines")
	}
	head := []byte{1, 1, 1, 1, 1, 4, 0, 1, 1, 0} // an opcode of 5 goes on by a byte and a line
	head = append(head, "guest.src\x00\x00\x00\x00\x00"...)
	b := binary.LittleEndian.AppendUint32([]byte{4, 0}, uint32(len(head)))
	b = append(b, head...)
	b = binary.LittleEndian.AppendUint32(append(b, 0, 5, 2), 1) // begin at address 1
	b = append(b, 1)
	for range sections[at].Data[1:] {
		b = append(b, 5)
	}
	b = append(b, 0, 1, 1) // the end
	b = append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
	return wasm.Write(append(sections, wasm.Section{ID: wasm.CustomSection, Data: append(wasm.AppendName(nil, ".debug_line"), b...)}))
}
