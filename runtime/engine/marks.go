package engine

import (
	"encoding/binary"

	"github.com/wedgecdn/wedge/runtime/source"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// The engine says where in a module a trap happened only if the module has line tables, and then it looks the place up in
// them. So a rewritten module gets tables of ours, that say the same line of the whole code: then each frame of a trace is
// followed by the offset of its instruction. The module's own tables stay outside, unread until somebody asks; see Locate.
//
// The engine notes an offset for nearly each instruction that it compiles, which makes the code of a module larger by
// about a third of its size in memory and on disk. It is worth it if there are lines to be found, or if it is little.
const markedAlways = 1 << 20 // bytes of module

// marked returns the module to compile, with the marks if they are worth it. Custom sections but the names are left out:
// the engine would keep them in memory.
func marked(original []byte, metered []byte) ([]byte, error) {
	sections, err := wasm.Sections(original)
	if err != nil {
		return nil, err
	}
	worth := len(original) <= markedAlways || source.Known(sections)
	if sections, err = wasm.Sections(metered); err != nil {
		return nil, err
	}
	kept := sections[:0]
	for _, s := range sections {
		if s.ID != wasm.CustomSection || s.Name == "name" {
			kept = append(kept, s)
		}
	}
	if worth {
		kept = append(kept, custom(".debug_abbrev", markAbbrev), custom(".debug_info", markInfo()), custom(".debug_line", markLine()))
	}
	return wasm.Write(kept), nil
}

func custom(name string, content []byte) wasm.Section {
	return wasm.Section{ID: wasm.CustomSection, Data: append(wasm.AppendName(nil, name), content...)}
}

// One compilation unit covers all offsets that there can be but 0, which no function stands at.
const markBegin, markEnd = 1, 1<<31 - 1

// A compile unit without children, with attributes stmt_list, low_pc and high_pc as offset, address and constant.
var markAbbrev = []byte{1, 0x11, 0, 0x10, 0x17, 0x11, 0x01, 0x12, 0x06, 0, 0, 0}

func markInfo() []byte {
	b := []byte{4, 0, 0, 0, 0, 0, 4, 1} // version, abbreviations at 0, 4 bytes an address, the first abbreviation
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, markBegin)
	b = binary.LittleEndian.AppendUint32(b, markEnd-markBegin)
	return sized(b)
}

// markLine is a program of two rows: a line of a file of one letter, and the end.
func markLine() []byte {
	head := []byte{1, 1, 1, 1, 1, 4, 0, 1, 1, 0, 'w', 0, 0, 0, 0, 0}
	address := func(a uint32) []byte { return binary.LittleEndian.AppendUint32([]byte{0, 5, 2}, a) }
	b := binary.LittleEndian.AppendUint32([]byte{4, 0}, uint32(len(head)))
	b = append(b, head...)
	b = append(append(b, address(markBegin)...), 1) // a row
	return sized(append(append(b, address(markEnd)...), 0, 1, 1))
}

// sized puts a length in front.
func sized(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}
