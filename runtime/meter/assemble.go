package meter

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// assemble puts the rewritten module together. Sections that did not change are copied byte for byte.
func (w *rewriter) assemble() ([]byte, error) {
	sections := make([]wasm.Section, 0, len(w.m.Sections)+6)
	for _, s := range w.m.Sections {
		switch {
		case s.ID != wasm.CustomSection:
			sections = append(sections, w.moveUses(s))
		case s.Name == "name":
			s, err := w.names(s)
			if err != nil {
				return nil, err
			}
			sections = append(sections, s)
		case keeps(s.Name):
			sections = append(sections, s)
		}
	}
	i64 := []wasm.ValType{{Code: wasm.I64}}
	tickType := w.addType(wasm.FuncType{Params: i64, Results: i64})
	var funcs, types []byte
	for _, in := range w.injected {
		funcs = wasm.AppendU32(funcs, w.addType(in.typ))
	}
	for _, t := range w.types {
		types = wasm.AppendFuncType(types, t)
	}
	codes := w.code
	for _, in := range w.injected {
		codes = append(codes, in.body...)
	}
	tick := wasm.AppendName(wasm.AppendName(nil, TickModule), TickName)
	tick = wasm.AppendU32(append(tick, wasm.FuncKind), tickType)
	exports, count := w.exports()

	sections = extend(sections, wasm.TypeSection, len(w.types), types)
	sections = extend(sections, wasm.ImportSection, 1, tick)
	sections = extend(sections, wasm.FunctionSection, len(w.injected), funcs)
	sections = extend(sections, wasm.TableSection, len(w.keeper.tables), w.addedTables())
	sections = extend(sections, wasm.GlobalSection, len(w.added), w.addedGlobals())
	sections = extend(sections, wasm.ExportSection, count, exports)
	sections = extend(sections, wasm.ElementSection, len(w.element), w.emptyElements())
	if n := len(w.m.Bodies) + len(w.injected); n > 0 {
		sections = replace(sections, wasm.CodeSection, append(wasm.AppendU32(nil, uint32(n)), codes...))
	}
	return wasm.Write(w.dataSegments(sections)), nil
}

// dataSegments merges segments, or adds the empty one.
func (w *rewriter) dataSegments(sections []wasm.Section) []wasm.Section {
	switch {
	case w.mergesData():
		data := mergedData(w.m.Data)
		sections = replace(sections, wasm.DataSection, data)
		if w.m.HasDataCount {
			r := wasm.NewReader(data, 0)
			sections = replace(sections, wasm.DataCountSection, wasm.AppendU32(nil, r.U32("a count")))
		}
	case w.keeper.data:
		const passive = 1
		sections = extend(sections, wasm.DataSection, 1, []byte{passive, 0})
		if w.m.HasDataCount { // else the module is not valid, and stays so
			sections = replace(sections, wasm.DataCountSection, wasm.AppendU32(nil, w.m.DataCount+1))
		}
	}
	return sections
}

func (w *rewriter) addedTables() (out []byte) {
	for _, t := range w.keeper.tables {
		out = append(wasm.AppendValType(out, t.Type), 0, 0)
	}
	return out
}

func (w *rewriter) addedGlobals() (out []byte) {
	for _, g := range w.added {
		out = append(wasm.AppendValType(out, g.typ), 1)
		out = append(out, g.init...)
	}
	return out
}

// emptyElements are passive segments: their type, and a count of zero.
func (w *rewriter) emptyElements() (out []byte) {
	const passiveExpressions = 5
	for _, t := range w.element {
		out = append(wasm.AppendValType(append(out, passiveExpressions), t), 0)
	}
	return out
}

// keeps says whether a custom section is still true of the rewritten module. Those with offsets into the code are not.
func keeps(name string) bool {
	switch {
	case strings.HasPrefix(name, ".debug_"), strings.HasPrefix(name, "reloc."), strings.HasPrefix(name, "metadata.code."):
		return false
	}
	return name != "linking" && name != "sourceMappingURL" && name != "external_debug_info"
}

// moveUses moves the function indices in a section other than code.
func (w *rewriter) moveUses(s wasm.Section) wasm.Section {
	if s.ID == wasm.CodeSection {
		return s
	}
	uses := w.m.FuncUses
	from, _ := slices.BinarySearchFunc(uses, s.Offset, func(u wasm.FuncUse, at int) int { return u.Offset - at })
	to, _ := slices.BinarySearchFunc(uses, s.Offset+len(s.Data), func(u wasm.FuncUse, at int) int { return u.Offset - at })
	if from == to {
		return s
	}
	out := make([]byte, 0, len(s.Data)+to-from)
	done := 0
	for _, u := range uses[from:to] {
		at := u.Offset - s.Offset
		out = append(out, s.Data[done:at]...)
		out = wasm.AppendU32(out, w.moved(u.Index))
		done = at + u.N
	}
	s.Data, s.Head = append(out, s.Data[done:]...), nil
	return s
}

func (w *rewriter) moved(index uint32) uint32 {
	if index >= w.imported {
		return index + 1
	}
	return index
}

// addType returns the index of a type behind those of the module.
func (w *rewriter) addType(t wasm.FuncType) uint32 {
	b := string(wasm.AppendFuncType(nil, t))
	i, ok := w.typeAt[b]
	if !ok {
		i = uint32(len(w.m.Types) + len(w.types))
		w.typeAt[b] = i
		w.types = append(w.types, t)
	}
	return i
}

// blockType is the type of a block with the results of a function.
func (w *rewriter) blockType(function int) int64 {
	results := w.m.Types[w.m.Funcs[function]].Results
	switch {
	case len(results) == 0:
		return int64(empty) - 0x80
	case len(results) == 1 && results[0].Code != wasm.RefNonNull && results[0].Code != wasm.RefNullable:
		return int64(results[0].Code) - 0x80
	}
	return int64(w.addType(wasm.FuncType{Results: results}))
}

// exports are the counter, the state of an instance, and the functions that save and restore the rest of it.
func (w *rewriter) exports() (out []byte, n int) {
	export := func(name string, kind byte, index uint32) {
		out = append(wasm.AppendName(out, name), kind)
		out = wasm.AppendU32(out, index)
		n++
	}
	first := w.globals - uint32(len(w.m.Globals))
	for i, g := range w.m.Globals {
		if g.Mutable && isNumber(g.Type) {
			index := first + uint32(i)
			export(globalName(index), wasm.GlobalKind, index)
		}
	}
	for i, g := range w.added {
		if g.name != "" {
			export(g.name, wasm.GlobalKind, w.globals+uint32(i))
		}
	}
	if w.saveAt != 0 {
		export(SaveName, wasm.FuncKind, w.saveAt)
		export(RestoreName, wasm.FuncKind, w.saveAt+1)
	}
	return out, n
}

func globalName(index uint32) string { return GlobalPrefix + strconv.FormatUint(uint64(index), 10) }

// extend adds items to the end of a section that is a vector, and makes the section if it is missing.
func extend(sections []wasm.Section, id wasm.SectionID, n int, items []byte) []wasm.Section {
	if n == 0 {
		return sections
	}
	data := append(wasm.AppendU32(nil, uint32(n)), items...)
	if i, ok := wasm.Place(sections, id); ok {
		r := wasm.NewReader(sections[i].Data, 0)
		old := r.U32("a count")
		data = wasm.AppendU32(nil, old+uint32(n))
		data = append(data, sections[i].Data[r.Pos():]...)
		data = append(data, items...)
	}
	return replace(sections, id, data)
}

func replace(sections []wasm.Section, id wasm.SectionID, data []byte) []wasm.Section {
	i, ok := wasm.Place(sections, id)
	s := wasm.Section{ID: id, Data: data}
	if ok {
		sections[i] = s
		return sections
	}
	return slices.Insert(sections, i, s)
}
