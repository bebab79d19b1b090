package meter

import (
	"fmt"
	"testing"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// orderings are the comparisons of integers, in the order of their instructions from i32.eq and i64.eq on.
var orderings = []struct {
	name string
	is   func(x, y int64, ux, uy uint64) bool
}{
	{"eq", func(x, y int64, _, _ uint64) bool { return x == y }},
	{"ne", func(x, y int64, _, _ uint64) bool { return x != y }},
	{"lt_s", func(x, y int64, _, _ uint64) bool { return x < y }},
	{"lt_u", func(_, _ int64, x, y uint64) bool { return x < y }},
	{"gt_s", func(x, y int64, _, _ uint64) bool { return x > y }},
	{"gt_u", func(_, _ int64, x, y uint64) bool { return x > y }},
	{"le_s", func(x, y int64, _, _ uint64) bool { return x <= y }},
	{"le_u", func(_, _ int64, x, y uint64) bool { return x <= y }},
	{"ge_s", func(x, y int64, _, _ uint64) bool { return x >= y }},
	{"ge_u", func(_, _ int64, x, y uint64) bool { return x >= y }},
}

// fusionCase is a function of a module: (a, b) -> whether a & b compares so with 0.
type fusionCase struct {
	fn
	wide, zeroLeft bool
	ordering       int
}

func fusionCases() (all []fusionCase) {
	for _, wide := range []bool{false, true} {
		letter, null, and, first, shl := "i", wasm.I32Const, wasm.I32And, wasm.I32Eq, wasm.I32Shl
		if wide {
			letter, null, and, first, shl = "l", wasm.I64Const, wasm.I64And, wasm.Op(0x51), wasm.Op(0x86)
		}
		both := []any{wasm.LocalGet, 0, wasm.LocalGet, 1, and}
		// Locals 2 and 3 are of the operands' type, 4 is an i32.
		ands := map[string][]any{
			"and":                 both,
			"and by a tee":        {both, wasm.LocalTee, 2},
			"and by a local":      {both, wasm.LocalSet, 2, wasm.LocalGet, 2},
			"and by two locals":   {both, wasm.LocalSet, 2, wasm.LocalGet, 2, wasm.LocalSet, 0, wasm.LocalGet, 0},
			"and in a block":      {wasm.Block, map[bool]byte{false: wasm.I32, true: wasm.I64}[wide], both, wasm.End},
			"and shifted by 0":    {both, null, 0, shl},
			"and shifted by 2^6":  {both, null, 64, shl},
			"and shifted by zero": {both, wasm.LocalGet, 3, shl},
		}
		zeros := map[string][]any{
			"0":                    {null, 0},
			"0 in a local":         {null, 0, wasm.LocalTee, 2},
			"a local never set":    {wasm.LocalGet, 3},
			"0 by another":         {wasm.LocalGet, 3, wasm.LocalSet, 2, wasm.LocalGet, 2},
			"a local never set, 2": {wasm.LocalGet, 3, wasm.LocalTee, 2},
		}
		uses := map[string][]any{
			"if":           {wasm.If, byte(wasm.I32), wasm.I32Const, 1, wasm.Else, wasm.I32Const, 0, wasm.End},
			"br_if":        {wasm.BrIf, 0, wasm.I32Const, 0, wasm.Return},
			"select":       {wasm.LocalSet, 5, wasm.I32Const, 1, wasm.I32Const, 0, wasm.LocalGet, 5, wasm.Select},
			"a value":      {},
			"if, a local":  {wasm.LocalSet, 4, wasm.LocalGet, 4, wasm.If, byte(wasm.I32), wasm.I32Const, 1, wasm.Else, wasm.I32Const, 0, wasm.End},
			"if in a loop": {wasm.If, byte(wasm.I32), wasm.I32Const, 1, wasm.Else, wasm.I32Const, 0, wasm.End},
			"if not":       {wasm.I32Eqz, wasm.If, byte(wasm.I32), wasm.I32Const, 0, wasm.Else, wasm.I32Const, 1, wasm.End},
		}
		for o, ordering := range orderings {
			for an, a := range ands {
				for zn, z := range zeros {
					for un, u := range uses {
						if un != "if" && (an != "and" || zn != "0") {
							continue // a cross of all takes too long
						}
						for _, left := range []bool{false, true} {
							x, y := a, z
							if left {
								x, y = z, a
							}
							body := flat(x, y, first+wasm.Op(o), u)
							if un == "br_if" {
								body = flat(wasm.Block, empty, body, wasm.End, wasm.I32Const, 1)
							}
							if un == "if in a loop" { // three times, of which the last counts
								body = flat(wasm.Loop, empty, body, wasm.LocalSet, 5, wasm.LocalGet, 4, wasm.I32Const, 1, wasm.I32Add, wasm.LocalTee, 4,
									wasm.I32Const, 3, wasm.I32LtS, wasm.BrIf, 0, wasm.End, wasm.LocalGet, 5)
							}
							name := fmt.Sprintf("%s%s of %s and %s, left %v, by %s", letter, ordering.name, an, zn, left, un)
							all = append(all, fusionCase{fn{name: name, params: letter + letter, results: "i", locals: letter + letter + "ii", code: body}, wide, left, o})
						}
					}
				}
			}
		}
	}
	return all
}

// flat is a list of instructions without lists in it.
func flat(list ...any) (all []any) {
	for _, x := range list {
		if l, is := x.([]any); is {
			all = append(all, flat(l...)...)
		} else {
			all = append(all, x)
		}
	}
	return all
}

// want is what the function should return.
func (c *fusionCase) want(a, b uint64) uint64 {
	v := a & b
	s := int64(v)
	if !c.wide {
		v = uint64(uint32(v))
		s = int64(int32(v))
	}
	is := orderings[c.ordering].is(s, 0, v, 0)
	if c.zeroLeft {
		is = orderings[c.ordering].is(0, s, 0, v)
	}
	if is {
		return 1
	}
	return 0
}

// Comparisons of an "and" with 0 are right once a module is metered, wherever the two come from and wherever the result
// goes. As they are, the engine's compiler has a sixth of them wrong on amd64.
func TestFusion(t *testing.T) {
	cases := fusionCases()
	values := []uint64{0, 1, 6, 0x80000000, 0xffffffff, 1 << 40, 1 << 63, 1<<64 - 1}
	wrong := func(kind string, module []byte) (n int) {
		in := newMachine(t, false, features).mustStart(module)
		for i := range cases {
			c := &cases[i]
			for _, a := range values {
				b := uint64(1<<64 - 1)
				x, y := a, b
				if !c.wide {
					x, y = uint64(uint32(a)), uint64(uint32(b))
				}
				r, _, err := in.call(c.name, x, y)
				if err != nil || uint64(uint32(r[0])) != c.want(a, b) {
					if n++; kind != "" && n < 10 {
						t.Errorf("%s: %s of %#x: %v %v, want %d", kind, c.name, a, r, err, c.want(a, b))
					}
					break
				}
			}
		}
		return n
	}
	const most = 400 // functions of one module
	whole := cases
	plain := 0
	for len(whole) > 0 {
		cases = whole[:min(most, len(whole))]
		whole = whole[len(cases):]
		s := sketch{}
		for i := range cases {
			s.funcs = append(s.funcs, cases[i].fn)
		}
		module := s.build()
		metered := mustRewrite(t, module).Wasm
		plain += wrong("", module)
		wrong("metered", metered)
	}
	t.Logf("%d of %d functions are wrong without metering", plain, len(fusionCases()))
	if plain == 0 {
		t.Error("the engine has no function wrong any more: fusion is not needed with this version")
	}
}

// Code in which nothing can go wrong stays as it is.
func TestFusionLeavesAlone(t *testing.T) {
	f := func(name, params, locals string, want int, code ...any) {
		t.Helper()
		s := sketch{funcs: []fn{{name: "f", params: params, results: "i", locals: locals, code: code}}}
		w, err := rewrite(s.build(), Caps{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		edits, err := newPlan(w).body(0, len(params)+len(locals))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range edits {
			if e.kind == again {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d comparisons are put differently, want %d", name, n, want)
		}
	}
	get := wasm.LocalGet
	ltS, ltU := wasm.I32LtS, wasm.I32LtS+1
	f("0 < x & y", "ii", "", 1, wasm.I32Const, 0, get, 0, get, 1, wasm.I32And, ltU)
	f("x & y < 0, signed", "ii", "", 0, get, 0, get, 1, wasm.I32And, wasm.I32Const, 0, ltS)
	f("x & y < 0, unsigned", "ii", "", 1, get, 0, get, 1, wasm.I32And, wasm.I32Const, 0, ltU)
	f("x & y < 5", "ii", "", 0, get, 0, get, 1, wasm.I32And, wasm.I32Const, 5, ltU)
	f("x < y", "ii", "", 0, get, 0, get, 1, ltU)
	f("i < n, i from 0", "i", "i", 0, get, 1, wasm.I32Const, 1, wasm.I32Add, wasm.LocalTee, 1, get, 0, ltU)
	f("0 = x & y", "ii", "", 0, wasm.I32Const, 0, get, 0, get, 1, wasm.I32And, wasm.I32Eq)
	f("x & y << 2, compared with a local", "ii", "i", 0, get, 0, get, 1, wasm.I32And, wasm.I32Const, 2, wasm.I32Shl, get, 2, ltU)
	f("after a return", "ii", "", 0, get, 0, wasm.Return, wasm.I32Const, 0, get, 0, get, 1, wasm.I32And, ltU)
}
