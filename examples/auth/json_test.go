package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestObject(t *testing.T) {
	f := func(text string, want bool) {
		t.Helper()
		if _, ok := parseObject(text); ok != want {
			t.Errorf("%s: %v, want %v", text, ok, want)
		}
	}
	f(`{}`, true)
	f(" {\t\"a\" :\n1 , \"b\":[ ] }\r\n", true)
	f(`{"a":{"a":1,"a":2}}`, true) // a name twice matters in what we read
	f(`{"a":1,"\u0061":2}`, false)
	f(`{"a":1,}`, false)
	f(`{,}`, false)
	f(`{"a":01}`, false)
	f(`{"a":1.}`, false)
	f(`{"a":+1}`, false)
	f(`{"a":"`+"\n"+`"}`, false)
	f(`{"a":"\ud800"}`, false)
	f(`{"a":"\ud83d\ude00"}`, true)
	f("{\"a\":\"\xff\"}", false)
	f(`{"a":tru}`, false)
	f(`{"a":1}{}`, false)
	f(`{"a"`, false)
	f(``, false)
	f(`{"a":`+strings.Repeat("[", 15)+strings.Repeat("]", 15)+`}`, true)
	f(`{"a":`+strings.Repeat("[", 10000), false)
}

// The standard's parser is the oracle: what is accepted is JSON, with the same members; what is refused is no object of JSON, or has a reason of
// its own (a name twice, too deep, too many, half a surrogate, bytes that are no UTF-8).
func FuzzObject(f *testing.F) {
	f.Add(`{"alg":"HS256","typ":"JWT"}`)
	f.Add(`{"sub":"\u0061\ud83d\ude00","exp":1.5e3,"aud":["x",{"y":[null,true,-0]}]}`)
	f.Add(`{"a":1,"a":2}`)
	f.Fuzz(func(t *testing.T, text string) {
		o, ok := parseObject(text)
		var want map[string]json.RawMessage
		err := json.Unmarshal([]byte(text), &want)
		if !ok {
			return
		}
		if err != nil || want == nil || len(want) != len(o) {
			t.Fatalf("%q: accepted with %d members; the standard says %v and %d", text, len(o), err, len(want))
		}
		for _, m := range o {
			if string(want[m.name]) != m.value {
				t.Errorf("%q: member %q is %s, want %s", text, m.name, m.value, want[m.name])
			}
			var s string
			if got, ok := o.text(m.name); ok && (json.Unmarshal(want[m.name], &s) != nil || s != got) {
				t.Errorf("%q: text of %q is %q, want %q", text, m.name, got, s)
			}
			o.seconds(m.name)
			o.lists(m.name, "x")
		}
	})
}
