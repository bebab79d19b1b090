package policy

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A preference is a member of Accept-Language or Accept-Encoding: a name in any
// case, and its weight in thousandths.
//
//	weight = OWS ";" OWS "q=" qvalue
//	qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
//
// https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2
type preference struct {
	name   string
	weight int
}

// maxPreferences is how many members are put in order. A longer list is compared
// as it came.
const maxPreferences = 24

// preferences are the members of the field's lines, by falling weight and then by
// name; nil if a line is not of the field's form or there are too many.
//
// "...those in the first request can be transformed to those in the second
// request by... normalizing both header field values in a way that is known to
// have identical semantics, according to the header field's specification (e.g.,
// reordering field values when order is not significant...)."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.1
//
// "Note that some recipients treat the order in which language tags are listed
// as an indication of descending priority, particularly for tags that are
// assigned equal quality values (no value is the same as q=1). However, this
// behavior cannot be relied upon."
// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
func preferences(room []preference, k exchange.Known, h *exchange.Header) []preference {
	list := room[:0]
	for i := 0; i < h.Len(); i++ {
		f := h.At(i)
		if f.Known() != k {
			continue
		}
		for rest, more := f.Value, true; more; {
			var one string
			one, rest, more = strings.Cut(rest, ",")
			if one = trim(one); one == "" {
				continue
			}
			p, ok := parsePreference(one)
			if !ok || len(list) == maxPreferences {
				return nil
			}
			// A list of this length is in order with a handful of steps.
			at := len(list)
			for at > 0 && before(p, list[at-1]) {
				at--
			}
			if at > 0 && !before(list[at-1], p) {
				continue // it stands there already
			}
			list = append(list, preference{})
			copy(list[at+1:], list[at:])
			list[at] = p
		}
	}
	return list
}

func before(a, b preference) bool {
	if a.weight != b.weight {
		return a.weight > b.weight
	}
	return compareFold(a.name, b.name) < 0
}

// compareFold compares names of ASCII letters without case.
func compareFold(a, b string) int {
	for i := 0; i < min(len(a), len(b)); i++ {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func parsePreference(s string) (p preference, ok bool) {
	name, param, weighted := strings.Cut(s, ";")
	p = preference{trim(name), 1000}
	if p.name == "" || token(p.name) != p.name {
		return p, false
	}
	if !weighted {
		return p, true
	}
	param = trim(param)
	if len(param) < 3 || lower(param[0]) != 'q' || param[1] != '=' {
		return p, false
	}
	q := param[2:]
	if len(q) > 5 || q[0] != '0' && q[0] != '1' || len(q) > 1 && q[1] != '.' {
		return p, false
	}
	n := int(q[0]-'0') * 1000
	for i, unit := 2, 100; i < len(q); i, unit = i+1, unit/10 {
		if q[i] < '0' || q[i] > '9' {
			return p, false
		}
		n += int(q[i]-'0') * unit
	}
	p.weight = n
	return p, n <= 1000
}

// appendPreferences appends the field in the form in which it is compared; false
// if it is not of the field's form.
func appendPreferences(b []byte, k exchange.Known, h *exchange.Header) ([]byte, bool) {
	var room [maxPreferences]preference
	list := preferences(room[:0], k, h)
	if list == nil {
		return b, false
	}
	for i, p := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLower(b, p.name)
		if p.weight != 1000 {
			// In the field's own form: a list that is compared as it came, because it
			// is not of that form, is equal to none that is.
			b = append(b, ";q=0"...)
			for n, unit := p.weight, 100; n > 0; n, unit = n%unit, unit/10 {
				if unit == 100 {
					b = append(b, '.')
				}
				b = append(b, '0'+byte(n/unit))
			}
		}
	}
	return b, true
}

func appendLower(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		b = append(b, lower(s[i]))
	}
	return b
}

// Preferred is the language that a request prefers to all others; "" if there is
// none, or more than one.
func Preferred(asked *exchange.Header) string {
	if !asked.Has(exchange.AcceptLanguage) {
		return ""
	}
	var room [maxPreferences]preference
	list := preferences(room[:0], exchange.AcceptLanguage, asked)
	if len(list) == 0 || list[0].weight == 0 || list[0].name == "*" || len(list) > 1 && list[1].weight == list[0].weight {
		return ""
	}
	return list[0].name
}

// Language is the one language that a response says it is in; "" if it says none,
// or several.
func Language(h *exchange.Header) string {
	v, ok := h.Named("Content-Language")
	if v = trim(v); !ok || v == "" || token(v) != v {
		return ""
	}
	for i, n := 0, 0; i < h.Len(); i++ {
		if f := h.At(i); len(f.Name) == len("Content-Language") && fold(f.Name, "content-language") {
			if n++; n > 1 {
				return ""
			}
		}
	}
	return v
}

// AppendLanguageVariant is AppendVariant for a request that is known only to
// prefer a language to all others: in place of Accept-Language stands that
// language. What it appends is equal to nothing that AppendVariant does. It is
// false if the variants do not differ by language.
func AppendLanguageVariant(b []byte, names []string, asked *exchange.Header, r *Rules, language string) ([]byte, bool) {
	found := false
	for i, name := range names {
		if name != "accept-language" {
			b = AppendVariant(b, names[i:i+1], asked, r)
			continue
		}
		found = true
		b = append(b, 2, byte(len(language)), byte(len(language)>>8))
		b = appendLower(b, language)
	}
	return b, found
}
