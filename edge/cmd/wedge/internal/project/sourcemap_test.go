package project

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSourceMap(t *testing.T) {
	text := func(mappings string) []byte {
		b, err := json.Marshal(map[string]any{"version": 3, "sources": []string{"a.ts", "b.ts"}, "mappings": mappings})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	m, err := readSourceMap(text("UAAA,IACC,CCAD,A;AAAA"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(offset int, want string) {
		t.Helper()
		file, line, column, ok := m.Place(offset)
		if got := fmt.Sprintf("%s:%d:%d", file, line, column); !ok && want != "" || ok && got != want {
			t.Errorf("offset %d: %s, want %s", offset, got, want)
		}
	}
	f(9, "")
	f(10, "a.ts:1:1")
	f(13, "a.ts:1:1")
	f(14, "a.ts:2:2")
	f(15, "b.ts:2:1")
	f(1000, "b.ts:2:1")
	if _, _, _, ok := (*SourceMap)(nil).Place(1); ok {
		t.Error("no map knows a place")
	}

	refuse := func(text []byte, want string) {
		t.Helper()
		if _, err := readSourceMap(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", text, err, want)
		}
	}
	refuse([]byte("{"), "source map: unexpected end")
	refuse([]byte("{}"), "revision 0, want 3")
	refuse(text("AA"), "segment \"AA\" is none")
	refuse(text("A!AA"), "is none")
	refuse(text("AAg"), "is none")
	refuse(text("gggggggggggggA"), "is none")
	refuse(text("AEAA"), "leads out of the files")
	refuse(text("ADAA"), "leads out of the files")
	refuse(text("AADA"), "leads out of the files")
}

// What is read is what another reader, which follows the sentence of the specification digit by digit, has read.
func FuzzSourceMap(f *testing.F) {
	for _, s := range []string{"UAAA,IACC,CCAD,A;AAAA", "", "A", "AAAAA", "gB,,D", "yeUoCuB,EAAU,GAApB,G,KACP", "////////"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, mappings string) {
		var sources []string
		for i := range 100 {
			sources = append(sources, fmt.Sprint(i))
		}
		text, err := json.Marshal(map[string]any{"version": 3, "sources": sources, "mappings": mappings})
		if err != nil {
			t.Skip()
		}
		m, err := readSourceMap(text)
		if err != nil {
			return
		}
		var want []mapped
		var state [4]int64
		first := strings.Split(strings.ToValidUTF8(mappings, "\ufffd"), ";")[0]
		for _, segment := range strings.Split(first, ",") {
			var numbers []int64
			var bits []bool
			for _, c := range segment {
				digit := strings.IndexRune(base64Digits, c)
				for b := range 5 {
					bits = append(bits, digit>>b&1 == 1)
				}
				if digit < 32 {
					n := int64(0)
					for b, set := range bits[1:] {
						if set {
							n += 1 << b
						}
					}
					if bits[0] {
						n = -n
					}
					numbers, bits = append(numbers, n), nil
				}
			}
			for i, n := range numbers[:min(len(numbers), 4)] {
				state[i] += n
			}
			if len(numbers) >= 4 {
				want = append(want, mapped{int(state[0]), int(state[1]), int(state[2]), int(state[3])})
			}
		}
		slices.SortStableFunc(want, func(a, b mapped) int { return a.offset - b.offset })
		if !slices.Equal(m.places, want) {
			t.Errorf("%q: %v, want %v", mappings, m.places, want)
		}
	})
}
