package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Position is a place in a source file. Line and Column are 0 if they are not known.
type Position struct {
	File         string
	Line, Column int
}

// String returns "file:line:column".
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Known tells whether a module has something that Find could find. It looks at names of sections only.
func Known(sections []wasm.Section) bool {
	return slices.ContainsFunc(sections, func(s wasm.Section) bool {
		return s.ID == wasm.CustomSection && (s.Name == ".debug_line" || s.Name == isGo)
	})
}

// Place is an instruction in a module: the index of its function, imports included, and its offset from the begin of the
// contents of the code section.
type Place struct {
	Function uint32
	Code     int
}

// Find returns the positions of instructions, by their offsets. What is not known is not in the answer. There should be few
// of them: the frames of a stack.
func Find(module []byte, places []Place) (map[int]Position, error) {
	sections, err := wasm.Sections(module)
	if err != nil {
		return nil, err
	}
	var t lineTables
	for _, s := range sections {
		if s.ID != wasm.CustomSection || !strings.HasPrefix(s.Name, ".debug_") {
			continue
		}
		switch b := s.Data[s.Body:]; s.Name {
		case ".debug_line":
			t.line = b
		case ".debug_str":
			t.str = b
		case ".debug_line_str":
			t.lineStr = b
		}
	}
	var offsets []int
	for _, p := range places {
		offsets = append(offsets, p.Code)
	}
	slices.Sort(offsets)
	out := map[int]Position{}
	for offset, m := range t.find(offsets) {
		if name := t.fileName(m.in, m.file); name != "" {
			out[offset] = Position{name, m.line, m.column}
		}
	}
	if len(out) > 0 || !slices.ContainsFunc(sections, func(s wasm.Section) bool { return s.Name == isGo }) {
		return out, nil
	}
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, err
	}
	if t := findGo(m); t != nil {
		at, _ := wasm.Place(m.Sections, wasm.CodeSection)
		t.positions(m, m.Sections[at].Offset, places, out)
	}
	return out, nil
}
