package exchange

import (
	"slices"
	"strings"
	"testing"
)

// text shows a header in one line.
func text(h *Header) string {
	var b strings.Builder
	for f := range h.All() {
		b.WriteString(f.Name + ":" + f.Value + " ")
	}
	return strings.TrimSpace(b.String())
}

func parse(s string) *Header {
	h := &Header{}
	for f := range strings.FieldsSeq(s) {
		name, value, _ := strings.Cut(f, ":")
		h.Add(name, value)
	}
	return h
}

// check holds the slots against a search.
func check(t *testing.T, h *Header) {
	t.Helper()
	for k := Other + 1; k < numKnown; k++ {
		want := slices.IndexFunc(h.fields, func(f Field) bool { return strings.EqualFold(f.Name, k.String()) })
		if got := int(h.slot[k]) - 1; got != want {
			t.Errorf("slot of %v says %d, the field stands at %d", k, got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	for k := Other + 1; k < numKnown; k++ {
		if k.String() == "" {
			t.Fatalf("known field %d has no name", k)
		}
		for _, s := range []string{k.String(), strings.ToLower(k.String()), strings.ToUpper(k.String())} {
			if got := Lookup(s); got != k {
				t.Errorf("Lookup(%q) = %v", s, got)
			}
		}
	}
	for _, s := range []string{"", "X", "Vary ", "Varz", "X-Unknown", strings.Repeat("a", 100)} {
		if got := Lookup(s); got != Other {
			t.Errorf("Lookup(%q) = %v, want Other", s, got)
		}
	}
}

func TestHeaderChanges(t *testing.T) {
	f := func(before string, change func(h *Header), want string) {
		t.Helper()
		h := parse(before)
		change(h)
		if got := text(h); got != want {
			t.Errorf("%s: got %q, want %q", before, got, want)
		}
		check(t, h)
	}
	f("", func(h *Header) { h.Add("Vary", "a") }, "Vary:a")
	f("vary:a X:1", func(h *Header) { h.Add("Vary", "b") }, "vary:a X:1 Vary:b")
	f("A:1 vary:a B:2 Vary:b", func(h *Header) { h.Set("VARY", "c") }, "A:1 VARY:c B:2")
	f("A:1", func(h *Header) { h.SetKnown(Vary, "c") }, "A:1 Vary:c")
	f("x-a:1 B:2 X-A:3", func(h *Header) { h.Set("X-A", "4") }, "X-A:4 B:2")
	f("x-a:1 B:2 X-A:3", func(h *Header) { h.Delete("X-a") }, "B:2")
	f("A:1 Age:1 Vary:x Age:2 ETag:e", func(h *Header) { h.DeleteKnown(Age) }, "A:1 Vary:x ETag:e")
	f("A:1 Age:1", func(h *Header) { h.Delete("nothing") }, "A:1 Age:1")
	f("A:1 Age:1 B:2", func(h *Header) { h.DeleteFunc(func(f *Field) bool { return f.Known() == Other }) }, "Age:1")
	f("A:1 Age:1", func(h *Header) { h.Reset() }, "")
	f("A:1 Age:1", func(h *Header) { h.CopyFrom(parse("B:2 Vary:v")) }, "B:2 Vary:v")
}

func TestHeaderReads(t *testing.T) {
	h := parse("Vary:a X:1 vary:b x:2 Age:3")
	if got := slices.Collect(h.Values(Vary)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Values(Vary) = %q", got)
	}
	if got := slices.Collect(h.AllNamed("x")); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("AllNamed(x) = %q", got)
	}
	if v, ok := h.Named("AGE"); v != "3" || !ok {
		t.Errorf("Named(AGE) = %q, %v", v, ok)
	}
	if _, ok := h.Named("nothing"); ok {
		t.Error("Named(nothing) found something")
	}
	if h.Count(Vary) != 2 || h.Count(ETag) != 0 || h.Value(Age) != "3" || h.Has(ETag) {
		t.Error("Count, Value or Has is wrong")
	}
	if got, want := h.Size(), len("Vary: a\r\nX: 1\r\nvary: b\r\nx: 2\r\nAge: 3\r\n"); got != want {
		t.Errorf("Size = %d, want %d", got, want)
	}
}

// FuzzHeader holds a Header against a plain list of pairs.
func FuzzHeader(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1})
	names := []string{"Vary", "vary", "Age", "X-A", "x-a", "Set-Cookie", "ETag", "B"}
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 400 {
			return
		}
		var h Header
		var model [][2]string
		del := func(name string) {
			model = slices.DeleteFunc(model, func(p [2]string) bool { return strings.EqualFold(p[0], name) })
		}
		for i := 0; i+1 < len(ops); i += 2 {
			name, value := names[int(ops[i+1])%len(names)], string(rune('a'+i%26))
			switch ops[i] % 4 {
			case 0, 1:
				h.Add(name, value)
				model = append(model, [2]string{name, value})
			case 2:
				at := slices.IndexFunc(model, func(p [2]string) bool { return strings.EqualFold(p[0], name) })
				n := 0
				for j := range max(at, 0) {
					_ = j
					n++
				}
				del(name)
				if at < 0 {
					n = len(model)
				}
				model = slices.Insert(model, n, [2]string{name, value})
				h.Set(name, value)
			case 3:
				del(name)
				h.Delete(name)
			}
		}
		var b strings.Builder
		for _, p := range model {
			b.WriteString(p[0] + ":" + p[1] + " ")
		}
		if got, want := text(&h), strings.TrimSpace(b.String()); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		check(t, &h)
	})
}
