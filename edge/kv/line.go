package kv

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// A line of an export is one JSON object. Bytes stand as text when a reader gains by it, otherwise in base64 under
// the name with 64 behind it:
//
//	{"key":"greeting","value":"hello","metadata64":"AAE=","expires":"2030-01-01T00:00:00.000Z","version":17}
//
// key and value are always there, metadata and expires when the entry has them, version for those who read the file.

const timeForm = "2006-01-02T15:04:05.000Z07:00"

// line is a parsed line.
type line struct {
	key []byte
	record
}

// maxLine is the longest line there can be: JSON writes a byte in six at most, \u0000.
func maxLine(maxValue int) int { return 6*(maxValue+MaxMetadata+MaxKey) + 4096 }

func appendLine(dst []byte, l line) []byte {
	dst = appendBytes(append(dst, '{'), "key", l.key)
	dst = appendBytes(append(dst, ','), "value", l.value)
	if len(l.metadata) > 0 {
		dst = appendBytes(append(dst, ','), "metadata", l.metadata)
	}
	if l.expires != 0 {
		dst = append(dst, `,"expires":"`...)
		dst = expiresTime(l.expires).AppendFormat(dst, timeForm)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"version":`...)
	dst = strconv.AppendUint(dst, l.version, 10)
	return append(dst, '}', '\n')
}

func appendBytes(dst []byte, name string, b []byte) []byte {
	dst = append(append(dst, '"'), name...)
	if !readable(b) {
		dst = append(dst, `64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, b)
		return append(dst, '"')
	}
	dst = append(dst, `":"`...)
	for _, c := range b {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// readable tells whether bytes are text: UTF-8 without controls other than tab and line ends.
func readable(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

// parseLine reads one line, strictly: a field that is unknown, doubled or of the wrong type is an error, and so
// is text that cannot be kept as it stands.
func parseLine(b []byte) (line, error) {
	var l line
	if !utf8.Valid(b) {
		return l, invalidf("it is not UTF-8: write bytes in base64, as key64, value64 and metadata64")
	}
	if !json.Valid(b) {
		return l, invalidf("it is not one JSON object: %v", jsonError(b))
	}
	if at := loneSurrogate(b); at >= 0 {
		return l, invalidf("the escape at byte %d is half a surrogate pair: write bytes in base64", at+1)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return l, invalidf("it is not a JSON object: write one object a line")
	}
	seen := map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return l, invalidf("%v", err)
		}
		value, err := dec.Token()
		if err != nil {
			return l, invalidf("%v", err)
		}
		field, _ := name.(string)
		base := field
		if len(field) > 2 && field[len(field)-2:] == "64" {
			base = field[:len(field)-2]
		}
		if seen[base] {
			return l, invalidf("field %.40q is given twice", base)
		}
		seen[base] = true
		if err := l.set(field, value); err != nil {
			return l, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return l, invalidf("%v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return l, invalidf("there is something behind the object")
	}
	for _, name := range []string{"key", "value"} {
		if !seen[name] {
			return l, invalidf("field %q is missing: give %s or %s64", name, name, name)
		}
	}
	return l, nil
}

func (l *line) set(field string, value json.Token) error {
	if field == "version" {
		n, ok := value.(json.Number)
		v, err := strconv.ParseUint(n.String(), 10, 64)
		if !ok || err != nil {
			return invalidf("field \"version\" is not a whole number from 0 on")
		}
		l.version = v
		return nil
	}
	var to *[]byte
	switch field {
	case "key", "key64":
		to = &l.key
	case "value", "value64":
		to = &l.value
	case "metadata", "metadata64":
		to = &l.metadata
	case "expires":
	default:
		return invalidf("field %.40q is unknown: use key, value, metadata (or each with 64 behind it), expires, version", field)
	}
	text, ok := value.(string)
	if !ok {
		return invalidf("field %q is not a string", field)
	}
	if to == nil {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err == nil {
			l.expires, err = expiresMilli(t)
		}
		if err != nil {
			return invalidf("field \"expires\": %.60q is no time between 1970 and 9999 as in 2030-01-01T00:00:00.000Z", text)
		}
		return nil
	}
	if *to = []byte(text); field[len(field)-1] != '4' {
		return nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return invalidf("field %q is not padded base64: %v", field, err)
	}
	*to = b
	return nil
}

func jsonError(b []byte) error {
	var v json.RawMessage
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	return fmt.Errorf("it does not parse")
}

// loneSurrogate finds an escape that names half a character, which encoding/json would replace silently; -1 if
// there is none. b must be valid JSON.
func loneSurrogate(b []byte) int {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		if b[i+1] != 'u' {
			i++
			continue
		}
		u, _ := strconv.ParseUint(string(b[i+2:i+6]), 16, 16)
		switch {
		case u >= 0xd800 && u < 0xdc00:
			if b[i+6] != '\\' || b[i+7] != 'u' {
				return i
			}
			low, _ := strconv.ParseUint(string(b[i+8:i+12]), 16, 16)
			if low < 0xdc00 || low > 0xdfff {
				return i
			}
			i += 11
		case u >= 0xdc00 && u <= 0xdfff:
			return i
		default:
			i += 5
		}
	}
	return -1
}
