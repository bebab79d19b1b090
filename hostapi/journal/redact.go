package journal

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// StandIn is what takes the place of the secret of that name, as long as it is.
func StandIn(name string, n int) string {
	s := "stand-in-for-" + name + "-"
	return strings.Repeat(s, n/len(s)+1)[:n]
}

// Redact replaces the secrets, by name, by their stand-ins everywhere in v, which is a pointer to a record or a part of one. Where a
// secret stands in hexadecimal digits, in base64 (also in the middle of something else in base64) or percent-encoded, As
// take its place. What is made of a secret in another way, such as a hash of it, stays.
//
// Redacting what a function made with the stand-ins gives the same as redacting what it made with the secrets, as long as it
// only compares them or hands them on.
//
// What the node calls things stays, see own: a secret of one letter stands in the name of each hook.
func Redact(v any, secrets map[string]string) {
	if pairs := patterns(secrets); len(pairs) > 0 {
		redact(reflect.ValueOf(v), strings.NewReplacer(pairs...), strings.NewReplacer(patterns(long(secrets))...))
	}
}

// Restore is a copy of r with the secrets in the place of their stand-ins, so that a function that has the secrets finds in
// requests what it found. Short ones stay as they are: they may stand anywhere.
func Restore(r *Run, secrets map[string]string) (*Run, error) {
	var pairs []string
	for _, name := range sorted(secrets) {
		if v := secrets[name]; len(v) >= 8 && v != StandIn(name, len(v)) {
			pairs = append(pairs, StandIn(name, len(v)), v)
		}
	}
	if len(pairs) == 0 {
		return r, nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	out := new(Run)
	if err := json.Unmarshal(b, out); err != nil {
		return nil, err
	}
	whole := strings.NewReplacer(pairs...)
	redact(reflect.ValueOf(out), whole, whole)
	return out, nil
}

// patterns are what is replaced and by what; what stands first wins, so the longest come first.
func patterns(secrets map[string]string) (pairs []string) {
	type pattern struct{ old, new string }
	var all []pattern
	add := func(old, new string) {
		if old != "" && old != new && !slices.ContainsFunc(all, func(p pattern) bool { return p.old == old }) {
			all = append(all, pattern{old, new})
		}
	}
	for _, name := range sorted(secrets) {
		v := secrets[name]
		name, _, _ = strings.Cut(name, "\x00") // what tells two of one name apart
		add(v, StandIn(name, len(v)))
	}
	for _, v := range long(secrets) { // encoded, the others are everywhere
		masks := []string{hex.EncodeToString([]byte(v)), strings.ToUpper(hex.EncodeToString([]byte(v)))}
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 {
				// The characters that hold nothing but bits of the secret. Those at its edges hold bits of neighbours as well.
				text := e.EncodeToString(append(make([]byte, before), v...))
				masks = append(masks, text[(before*8+5)/6:(before+len(v))*8/6])
			}
		}
		if q := url.QueryEscape(v); q != v {
			masks = append(masks, q, url.PathEscape(v))
		}
		for _, m := range masks {
			add(m, strings.Repeat("A", len(m)))
		}
	}
	slices.SortStableFunc(all, func(a, b pattern) int { return len(b.old) - len(a.old) })
	for _, p := range all {
		pairs = append(pairs, p.old, p.new)
	}
	return pairs
}

// long are the secrets that do not stand in every other word.
func long(secrets map[string]string) map[string]string {
	some := maps.Clone(secrets)
	maps.DeleteFunc(some, func(_, v string) bool { return len(v) < 4 })
	return some
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Tags of fields by which a record is played.
const (
	// own has the node's own words, which no secret can come into.
	own = "own"
	// named has what the operator wrote: short secrets may stand there by chance, and stay.
	named = "named"
)

// redact walks all of v: a kind of string that is added to a record is redacted without a line here. names is for what is named.
func redact(v reflect.Value, r, names *strings.Replacer) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			redact(v.Elem(), r, names)
		}
	case reflect.Struct:
		if v.CanAddr() {
			if c, is := v.Addr().Interface().(*Call); is && c.Name == "fetch" {
				join(pieces(c.Answer), r)
			}
		}
		for i := range v.NumField() {
			if !v.Field(i).CanSet() {
				continue
			}
			switch v.Type().Field(i).Tag.Get("journal") {
			case own:
			case named:
				redact(v.Field(i), names, names)
			default:
				redact(v.Field(i), r, names)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(r.Replace(string(v.Bytes()))))
			return
		}
		for i := range v.Len() {
			redact(v.Index(i), r, names)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			redact(e, r, names)
			v.SetMapIndex(k, e)
		}
	case reflect.String:
		v.SetString(r.Replace(v.String()))
	}
}

// join redacts a text that came in pieces, whose lengths stay: a secret may begin in one and end in another.
func join(pieces []Text, r *strings.Replacer) {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(string(p))
	}
	all := r.Replace(b.String()) // as long as it was: see patterns
	for i, p := range pieces {
		pieces[i], all = Text(all[:len(p)]), all[len(p):]
	}
}
