package kv

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	f := func(l line, want string) {
		t.Helper()
		got := appendLine(nil, l)
		if string(got) != want+"\n" {
			t.Errorf("line %s, want %s", got, want)
		}
		back, err := parseLine(got)
		if err != nil || !bytes.Equal(back.key, l.key) || back.version != l.version || !back.sameContent(l.record) {
			t.Errorf("%s comes back as %+v, %v", got, back, err)
		}
	}
	b := func(s string) []byte { return []byte(s) }
	f(line{b("k"), record{version: 7, value: b("v")}}, `{"key":"k","value":"v","version":7}`)
	f(line{b("k"), record{value: b("")}}, `{"key":"k","value":"","version":0}`)
	f(line{b("ü\"\\"), record{value: b("a\n\r\tb<&>\u2028\ufffd")}}, `{"key":"ü\"\\","value":"a\n\r\tb<&>`+"\u2028\ufffd"+`","version":0}`)
	f(line{b("\xff"), record{value: b("\x00"), metadata: b("\x7f")}}, `{"key64":"/w==","value64":"AA==","metadata64":"fw==","version":0}`)
	f(line{b("k"), record{value: b("v"), metadata: b("m"), expires: 1893456000001}},
		`{"key":"k","value":"v","metadata":"m","expires":"2030-01-01T00:00:00.001Z","version":0}`)
	f(line{b("k"), record{value: b("v"), expires: maxExpires, version: 1<<64 - 1}},
		`{"key":"k","value":"v","expires":"9999-12-31T23:59:59.999Z","version":18446744073709551615}`)
}

func TestParseLine(t *testing.T) {
	f := func(text, words string) {
		t.Helper()
		_, err := parseLine([]byte(text))
		if words == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			return
		}
		wantError(t, err, words)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%v is no ErrInvalid", err)
		}
	}
	f(` {"value" : "v", "key":"k"} `, "")
	f(`{"key":"k","value":"\u0000\ud83d\ude00"}`, "")
	f(`{"key":"k","value":"\\ud800"}`, "")
	f(``, "not one JSON object")
	f(`{"key":"k"`, "unexpected end")
	f(`{"key":"k","value":"v"}{}`, "not one JSON object")
	f(`["key"]`, "not a JSON object")
	f(`"key"`, "not a JSON object")
	f(`null`, "not a JSON object")
	f(`{"key":"k"}`, `"value" is missing`)
	f(`{"value":"k"}`, `"key" is missing`)
	f(`{"Key":"k","value":"v"}`, `"Key" is unknown`)
	f(`{"key":"k","value":"v","ttl":5}`, `"ttl" is unknown`)
	f(`{"64":"k"}`, `"64" is unknown`)
	f(`{"expires64":"k"}`, `"expires64" is unknown`)
	f(`{"key":"k","key":"v"}`, `"key" is given twice`)
	f(`{"key":"k","key64":"aw=="}`, `"key" is given twice`)
	f(`{"key":"k","value":null}`, `"value" is not a string`)
	f(`{"key":"k","value":{}}`, `"value" is not a string`)
	f(`{"key":5}`, `"key" is not a string`)
	f(`{"key64":"aw"}`, "not padded base64")
	f(`{"key64":"ax=="}`, "not padded base64")
	f(`{"version":-1}`, "not a whole number")
	f(`{"version":1.5}`, "not a whole number")
	f(`{"version":"1"}`, "not a whole number")
	f(`{"expires":"tomorrow"}`, "no time between")
	f(`{"expires":"1969-12-31T23:59:59Z"}`, "no time between")
	f(`{"expires":"9999-12-31T23:59:59.9999Z"}`, "no time between")
	f("{\"key\":\"\xff\",\"value\":\"\"}", "not UTF-8")
	f(`{"key":"k","value":"\ud800"}`, "half a surrogate pair")
	f(`{"key":"k","value":"\ud800\n"}`, "half a surrogate pair")
	f(`{"key":"k","value":"\ud800\ud800"}`, "half a surrogate pair")
	f(`{"key":"k","value":"\udc00"}`, "half a surrogate pair")
}

// The oracle is encoding/json into a map, beside the round trip.
func FuzzLine(f *testing.F) {
	f.Add(`{"key":"k","value64":"AA==","metadata":"m","expires":"2030-01-01T00:00:00.001Z","version":7}`)
	f.Add(`{"key64":"/w==","value":"\ud83d\ude00\n"}`)
	f.Add(`{"key":"k","value":"\ud800"}`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLine([]byte(text))
		if err != nil {
			return
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("encoding/json refuses it: %v", err)
		}
		for name, b := range map[string][]byte{"key": l.key, "value": l.value, "metadata": l.metadata} {
			want, ok := m[name].(string)
			if s, is64 := m[name+"64"].(string); is64 {
				raw, err := base64.StdEncoding.DecodeString(s)
				if err != nil {
					t.Fatal(err)
				}
				want, ok = string(raw), true
			}
			if want != string(b) || !ok && name != "metadata" {
				t.Fatalf("%s: %q, encoding/json says %q", name, b, want)
			}
		}
		out := appendLine(nil, l)
		back, err := parseLine(out)
		if err != nil || !bytes.Equal(back.key, l.key) || back.version != l.version || !back.sameContent(l.record) {
			t.Fatalf("%s is written as %s and comes back as %+v, %v", text, out, back, err)
		}
		if max := maxLine(max(len(l.key), len(l.value), len(l.metadata))); len(out) > max {
			t.Fatalf("a line of %d bytes, above the bound of %d", len(out), max)
		}
	})
}

func TestExportImport(t *testing.T) {
	clock := newClock()
	db := open(t, Options{Now: clock.now})
	s := store(t, db, "o", "s")
	put(t, s, "b", "two", PutOptions{Metadata: []byte("m")})
	put(t, s, "a", "one", PutOptions{})
	put(t, s, "\xff", "\x00\x01", PutOptions{TTL: time.Hour})
	put(t, s, "soon", "x", PutOptions{TTL: time.Minute})
	put(t, s, "gone", "x", PutOptions{TTL: time.Second})
	clock.advance(time.Second)
	var out bytes.Buffer
	if n, err := s.Export(t.Context(), &out); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	want := `{"key":"a","value":"one","version":2}
{"key":"b","value":"two","metadata":"m","version":1}
{"key":"soon","value":"x","expires":"2030-01-01T00:01:00.000Z","version":4}
{"key64":"/w==","value64":"AAE=","expires":"2030-01-01T01:00:00.000Z","version":3}
`
	if out.String() != want {
		t.Errorf("export:\n%s\nwant:\n%s", out.String(), want)
	}
	if left, _ := os.ReadDir(db.dir); len(left) != 1 {
		t.Errorf("beside the store file: %v", left)
	}

	f := func(s Store, want Imported) {
		t.Helper()
		if sum, err := s.Import(t.Context(), strings.NewReader(out.String()+"\n \n")); err != nil || sum != want {
			t.Errorf("import: %+v, %v; want %+v", sum, err, want)
		}
		audit(t, db)
	}
	f(s, Imported{Unchanged: 4})
	clock.advance(time.Minute)
	other := store(t, db, "p", "s")
	put(t, other, "mine", "stays", PutOptions{})
	put(t, other, "a", "goes", PutOptions{})
	f(other, Imported{Written: 3, Expired: 1})
	before := wantValue(t, other, "a", "one").Version
	f(other, Imported{Unchanged: 3, Expired: 1})
	if v := wantValue(t, other, "a", "one").Version; v != before {
		t.Errorf("version %d after the second import, want %d", v, before)
	}
	wantValue(t, other, "mine", "stays")
	wantValue(t, other, "\xff", "\x00\x01")
	if e := wantValue(t, other, "b", "two"); string(e.Metadata) != "m" {
		t.Errorf("metadata %q", e.Metadata)
	}
}

func TestImportErrors(t *testing.T) {
	db := open(t, Options{MaxValue: 100, Quota: func(Owner) int64 { return 1000 }})
	f := func(text string, at int, words string) {
		t.Helper()
		s := store(t, db, "o", "s")
		if _, err := s.Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := s.Import(t.Context(), strings.NewReader(text))
		l, ok := errors.AsType[*LineError](err)
		if !ok || l.Line != at {
			t.Fatalf("error %v; want one of line %d", err, at)
		}
		wantError(t, err, words)
	}
	good := `{"key":"k","value":"v"}` + "\n"
	f("x", 1, "line 1: it is not one JSON object")
	f(good+good+"\n{}\n", 4, `"key" is missing`)
	f(good+`{"key":"","value":""}`, 2, "key is empty")
	f(good+`{"key":"k","value":"`+strings.Repeat("v", 101)+`"}`, 2, "value has 101 bytes")
	f(good+good+`{"key":"`+strings.Repeat("x", maxLine(100))+`"}`, 3, "it has more than")
	var many strings.Builder
	for i := range 20 {
		fmt.Fprintf(&many, `{"key":"%02d","value":"%s"}`+"\n", i, strings.Repeat("v", 34))
	}
	f(many.String(), 11, "adds 100: delete entries") // 100 bytes each: ten fit
}

type funcWriter func(p []byte) (int, error)

func (f funcWriter) Write(p []byte) (int, error) { return f(p) }

func TestExportIsOfOneMomentAndHoldsNothing(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	for i := range 100 {
		put(t, s, fmt.Sprintf("%03d", i), strings.Repeat("v", 4000), PutOptions{})
	}
	writes, lines := 0, 0
	n, err := s.Export(t.Context(), funcWriter(func(p []byte) (int, error) {
		if writes++; writes == 1 {
			put(t, s, "050a", "late", PutOptions{})
			// Close waits for every open transaction, so it would never return if the export held one.
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		lines += bytes.Count(p, []byte("\n"))
		return len(p), nil
	}))
	if n != 100 || lines != 100 || err != nil || writes < 2 {
		t.Errorf("%d entries in %d lines and %d writes, %v", n, lines, writes, err)
	}
	_, err = s.Export(t.Context(), io.Discard)
	if !errors.Is(err, ErrClosed) {
		t.Errorf("export after close: %v", err)
	}
}

func TestExportStops(t *testing.T) {
	db := open(t, Options{})
	s := store(t, db, "o", "s")
	put(t, s, "k", "v", PutOptions{})
	full := errors.New("no room")
	if _, err := s.Export(t.Context(), funcWriter(func([]byte) (int, error) { return 0, full })); !errors.Is(err, full) {
		t.Errorf("export to a full writer: %v", err)
	}
}
