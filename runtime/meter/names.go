package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// names moves the function indices of a name section and names what was added.
//
// "If an implementation interprets the data of a custom section, then errors in that data, or the placement of the
// section, must not invalidate the module."
// https://webassembly.github.io/spec/core/binary/modules.html#custom-section
//
// Here they do: the engine's reader follows the contents of this section past its stated sizes, and allocates by its
// counts, so one that does not add up must not reach it.
func (w *rewriter) names(s wasm.Section) (wasm.Section, error) {
	out := append([]byte(nil), s.Data[:s.Body]...)
	r := wasm.NewReader(s.Data[s.Body:], s.Offset+s.Body)
	for r.Left() > 0 {
		id := r.Byte("a kind of names")
		size := r.U32("a size")
		at := r.Offset()
		sub := r.Bytes(int(size), "names")
		q := wasm.NewReader(sub, at)
		switch id {
		case 0: // the module
			q.Name("the module's name")
		case 1:
			sub = w.functionNames(q)
		case 2, 3: // locals, labels: by function
			sub = w.namesByFunction(q)
		default:
			q.Bytes(len(sub), "names")
		}
		q.End("names")
		for _, err := range []error{r.Err(), q.Err()} {
			if err != nil {
				return s, refuse(s.Offset, "strip the name section, or fix the tool that wrote it", "name section: %v", err)
			}
		}
		out = wasm.AppendU32(append(out, id), uint32(len(sub)))
		out = append(out, sub...)
	}
	s.Data, s.Head = out, nil
	return s, nil
}

// functionNames moves a map from functions to names. They are sorted by index, and stay so.
func (w *rewriter) functionNames(r *wasm.Reader) []byte {
	n := r.Count(2, "names")
	out := make([]byte, 0, r.Left()+r.Left()/8+64)
	out = wasm.AppendU32(out, uint32(n+1+len(w.injected)))
	tick := func() { out = wasm.AppendName(wasm.AppendU32(out, w.imported), TickModule+"."+TickName) }
	ticked := false
	for ; n > 0 && r.Err() == nil; n-- {
		i := r.U32("a function")
		if i >= w.imported && !ticked {
			ticked = true
			tick()
		}
		out = wasm.AppendU32(out, w.moved(i))
		out = wasm.AppendName(out, r.Name("a name"))
	}
	if !ticked {
		tick()
	}
	for i, in := range w.injected {
		out = wasm.AppendName(wasm.AppendU32(out, w.functions+1+uint32(i)), in.name)
	}
	return out
}

// namesByFunction moves the functions of a map from functions to maps from numbers to names.
func (w *rewriter) namesByFunction(r *wasm.Reader) []byte {
	n := r.Count(2, "functions")
	out := wasm.AppendU32(make([]byte, 0, r.Left()+n), uint32(n))
	for ; n > 0 && r.Err() == nil; n-- {
		out = wasm.AppendU32(out, w.moved(r.U32("a function")))
		from := r.Pos()
		for k := r.Count(2, "names"); k > 0 && r.Err() == nil; k-- {
			r.U32("a number")
			r.Name("a name")
		}
		out = append(out, r.Between(from, r.Pos())...)
	}
	return out
}
