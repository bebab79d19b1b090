package source

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// goProgram is the memory of a program of one function, "a.go", whose lines are pairs of a PC up to which they hold and a line.
func goProgram(lines ...int) []byte {
	const head, units, files, values = 72, 0, 4, 16
	u32, u64 := binary.LittleEndian.AppendUint32, binary.LittleEndian.AppendUint64
	tables := u32(nil, 0)                         // the first unit's first file
	tables = append(tables, "a.go\x00......."...) // files, and what nobody reads
	tables = append(tables, 0, 2, 200, 1)         // values: file 0 up to PC 200
	at, line := 0, -1
	for i := 0; i < len(lines); i += 2 {
		d := lines[i+1] - line
		tables = binary.AppendUvarint(tables, uint64(uint32(d<<1^d>>31)))
		tables = binary.AppendUvarint(tables, uint64(lines[i]-at))
		at, line = lines[i], lines[i+1]
	}
	tables = append(tables, 0)
	for len(tables)%4 != 0 {
		tables = append(tables, 0)
	}
	funcs := uint64(head + len(tables))
	b := append([]byte{}, goMagic...)
	for _, v := range []uint64{1, 1, 0, head, head + units, head + files, head + values, funcs} {
		b = u64(b, v)
	}
	b = append(b, tables...)
	b = u32(u32(u32(b, goFirst), 12), goFirst+1) // the function, where it is described, the end
	for _, v := range []uint32{0, 0, 0, 0, 0, 1, 4, 0, 0, 1} {
		b = u32(b, v)
	}
	return b
}

// goBody is a function of three blocks: PCs 0 and 1, 2, and 3 and 4. In the second it calls itself, as what stands in front of PC 3.
func goBody() wasm.Body {
	code := []byte{0, 3, 0x40, 2, 0x40, 2, 0x40, 2, 0x40, 0x20, 0, 0x0e, 4, 0, 0, 1, 2, 2, 0x0b} // loop, blocks, br_table 0 0 1 2 2, end
	code = append(code, 1, 1, 0x0b, 0x41, 8, 0x42)                                               // nops, end, i32.const 8
	code = wasm.AppendS64(code, goFirst<<16|3)
	code = append(code, 0x37, 3, 0, 0x41, 0, 0x10, 0, 0x0d, 0) // i64.store, i32.const 0, call 0, br_if 0
	code = append(code, 0x0b, 1, 0x0b, 0x00, 0x0b)             // end, nop, end of the loop, unreachable
	return wasm.Body{Raw: code, Code: 1, Offset: 1000}
}

func goFind(data []wasm.Data, body wasm.Body, offset int) (Position, bool) {
	m := &wasm.Module{Data: data, Funcs: []uint32{0}, Bodies: []wasm.Body{body}}
	out := map[int]Position{}
	if t := findGo(m); t != nil {
		t.positions(m, 0, []Place{{Code: offset}}, out)
	}
	at, ok := out[offset]
	return at, ok
}

func whole(b []byte) []wasm.Data { return []wasm.Data{{Const: true, At: 64, Init: b}} }

func TestGo(t *testing.T) {
	data := whole(goProgram(2, 10, 3, 20, 5, 15))
	body := goBody()
	r := wasm.NewReader(body.Raw, body.Offset)
	r.Bytes(body.Code, "locals")
	var got []string
	for r.Left() > 0 {
		var in wasm.Instr
		if r.Instr(&in); r.Err() != nil {
			t.Fatal(r.Err())
		}
		if in.Op == wasm.Nop || in.Op == wasm.Call || in.Op == wasm.Loop {
			at, _ := goFind(data, body, body.Offset+in.Pos)
			got = append(got, fmt.Sprintf("%v %v", in.Op, at))
		}
	}
	if want := "[0x03 a.go:10 0x01 a.go:10 0x01 a.go:10 0x10 a.go:20 0x01 a.go:15]"; fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

// FuzzGo: no panic, no answer without a file and a line, and the same one however the memory is cut into segments.
func FuzzGo(f *testing.F) {
	body := goBody().Raw
	f.Add(goProgram(2, 10, 3, 20, 5, 15), body, 1020, 90)
	f.Add(goProgram(1, 1, 60_000, 2), body, 1030, 140)
	f.Add(goProgram(1, 1<<30), body, 1019, 8)
	f.Fuzz(func(t *testing.T, b, code []byte, offset, cut int) {
		if len(code) == 0 {
			return
		}
		raw := wasm.Body{Raw: code, Code: 1, Offset: 1000}
		at, ok := goFind(whole(b), raw, offset)
		if ok && (at.File == "" || at.Line <= 0) {
			t.Fatalf("found %+v", at)
		}
		if cut = int(uint(cut) % uint(len(b)+1)); cut < len(goMagic) || !ok {
			return
		}
		parts := []wasm.Data{{Const: true, At: 64 + uint32(cut), Init: b[cut:]}, {Const: true, At: 64, Init: b[:cut]}}
		if again, found := goFind(parts, raw, offset); found && !reflect.DeepEqual(at, again) && len(b) > 0 && countMagic(b) == 1 {
			t.Fatalf("cut at %d: %+v, in one piece %+v", cut, again, at)
		}
	})
}

func countMagic(b []byte) (n int) {
	for i := range b {
		if i+len(goMagic) <= len(b) && string(b[i:i+len(goMagic)]) == string(goMagic) {
			n++
		}
	}
	return n
}
