package encode

import "strings"

// Choose is the coding among those offered, the best first, that a client with
// this Accept-Encoding likes most; Identity if there is none, or it likes that
// more.
//
// "A server tests whether a content coding for a given representation is
// acceptable using these rules: 1. If no Accept-Encoding header field is in the
// request, any content coding is considered acceptable by the user agent. 2. If
// the representation has no content coding, then it is acceptable by default
// unless specifically excluded by the Accept-Encoding header field stating
// either "identity;q=0" or "*;q=0" without a more specific entry for "identity".
// 3. If the representation's content coding is one of the content codings listed
// in the Accept-Encoding field value, then it is acceptable unless it is
// accompanied by a qvalue of 0."
// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
//
// Who sends no such field gets identity: such clients are old or simple.
//
// "If an Accept-Encoding header field is present in a request and none of the
// available representations for the response have a content coding that is
// listed as acceptable, the origin server SHOULD send a response without any
// content coding unless the identity coding is indicated as unacceptable." We do
// even then: it is better than nothing.
func Choose(accept string, offered []Coding) Coding {
	const unset = -1
	q := [codings]int{unset, unset, unset, unset}
	star := unset
	for accept != "" {
		var member string
		member, accept, _ = strings.Cut(accept, ",")
		name, params, weighted := strings.Cut(member, ";")
		weight := 1000
		if weighted {
			var ok bool
			if weight, ok = qvalue(params); !ok {
				continue // what cannot be read says nothing
			}
		}
		name = strings.Trim(name, " \t")
		if name == "*" {
			if star == unset {
				star = weight
			}
			continue
		}
		if c, ok := named(name); ok && q[c] == unset {
			q[c] = weight
		}
	}
	best, most := Identity, max(q[Identity], 0)
	for _, c := range offered {
		w := q[c]
		if w == unset {
			w = star
		}
		if w > 0 && (w > most || w == most && best == Identity) {
			best, most = c, w
		}
	}
	return best
}

// named is the coding of a name.
//
// "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
// https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3
func named(name string) (Coding, bool) {
	switch len(name) {
	case len("br"):
		return Brotli, strings.EqualFold(name, "br")
	case len("gzip"):
		if strings.EqualFold(name, "zstd") {
			return Zstd, true
		}
		return Gzip, strings.EqualFold(name, "gzip")
	case len("x-gzip"):
		return Gzip, strings.EqualFold(name, "x-gzip")
	case len("identity"):
		return Identity, strings.EqualFold(name, "identity")
	}
	return Identity, false
}

// qvalue reads "q=0.5", in thousandths.
//
//	weight = OWS ";" OWS "q=" qvalue
//	qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
//
// https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2
func qvalue(s string) (int, bool) {
	s = strings.Trim(s, " \t")
	if len(s) < 3 || s[0]|0x20 != 'q' || s[1] != '=' {
		return 0, false
	}
	s = s[2:]
	if s[0] != '0' && s[0] != '1' || len(s) > 5 || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	v, unit := int(s[0]-'0')*1000, 100
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v += int(s[i]-'0') * unit
		unit /= 10
	}
	return v, v <= 1000
}
