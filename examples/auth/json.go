package main

import (
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// object is a JSON object whose members are still text. The standard's reader of JSON would make the module half as large again, and takes the last of
// two members with one name; who signs and who checks must not read two different ones, so this one refuses them.
//
// "The Claim Names within a JWT Claims Set MUST be unique" https://www.rfc-editor.org/rfc/rfc7519#section-4
type object []member

type member struct {
	name  string
	value string // as it stands in the text
}

func (o object) find(name string) (string, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return "", false
}

func (o object) has(name string) bool {
	_, ok := o.find(name)
	return ok
}

// text is a member that is a string.
func (o object) text(name string) (string, bool) {
	v, ok := o.find(name)
	if !ok || v[0] != '"' {
		return "", false
	}
	p := parser{text: v}
	return p.string()
}

// seconds is a member that is a time: seconds since 1970, maybe with a fraction, which is cut off.
func (o object) seconds(name string) (int64, bool) {
	v, ok := o.find(name)
	if !ok || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.Abs(f) > 1<<40 {
		return 0, false
	}
	return int64(math.Floor(f)), true
}

// lists tells whether a member is that string, or an array with it.
func (o object) lists(name, want string) bool {
	v, ok := o.find(name)
	if !ok {
		return false
	}
	if v[0] == '"' {
		got, ok := o.text(name)
		return ok && got == want
	}
	if v[0] != '[' {
		return false
	}
	p, found := parser{text: v, at: 1}, false
	for p.space(); p.peek() != ']'; p.space() {
		if p.peek() == '"' {
			got, _ := p.string()
			found = found || got == want
		} else {
			p.value(1)
		}
		if p.space(); p.peek() == ',' {
			p.at++
		}
	}
	return found
}

// parseObject reads a text that is one JSON object (RFC 8259), false if it is none or names a member twice.
func parseObject(text string) (object, bool) {
	p := parser{text: text}
	p.space()
	o, ok := p.object(0, true)
	p.space()
	return o, ok && p.at == len(text) && utf8.ValidString(text)
}

const (
	maxDepth   = 16
	maxMembers = 64
)

// parser reads from at on; its methods are false at the first mistake.
type parser struct {
	text string
	at   int
}

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t' || p.text[p.at] == '\n' || p.text[p.at] == '\r') {
		p.at++
	}
}

func (p *parser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

// object reads an object and, if keep is set, its members.
func (p *parser) object(depth int, keep bool) (o object, ok bool) {
	if !p.take('{') {
		return nil, false
	}
	for p.space(); !p.take('}'); p.space() {
		if len(o) > 0 && !p.take(',') {
			return nil, false
		}
		p.space()
		name, ok := p.string()
		if p.space(); !ok || !p.take(':') {
			return nil, false
		}
		p.space()
		begin := p.at
		if !p.value(depth+1) || len(o) == maxMembers || keep && o.has(name) {
			return nil, false
		}
		o = append(o, member{name, p.text[begin:p.at]})
	}
	return o, true
}

func (p *parser) value(depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch c := p.peek(); {
	case c == '{':
		_, ok := p.object(depth, false)
		return ok
	case c == '[':
		return p.array(depth)
	case c == '"':
		_, ok := p.string()
		return ok
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(p.text)-p.at >= len(word) && p.text[p.at:p.at+len(word)] == word {
			p.at += len(word)
			return true
		}
	}
	return false
}

func (p *parser) array(depth int) bool {
	p.at++ // the bracket
	for first := true; ; first = false {
		if p.space(); p.take(']') {
			return true
		}
		if !first && !p.take(',') {
			return false
		}
		if p.space(); !p.value(depth + 1) {
			return false
		}
	}
}

func (p *parser) digits() bool {
	begin := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > begin
}

func (p *parser) number() bool {
	p.take('-')
	if !p.take('0') && !p.digits() {
		return false
	}
	if p.take('.') && !p.digits() {
		return false
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		return p.digits()
	}
	return true
}

func (p *parser) string() (string, bool) {
	if !p.take('"') {
		return "", false
	}
	var b []byte
	for {
		c := p.peek()
		switch {
		case p.at == len(p.text) || c < ' ':
			return "", false
		case c == '"':
			p.at++
			return string(b), true
		case c != '\\':
			b = append(b, c)
			p.at++
			continue
		}
		p.at++
		c = p.peek()
		p.at++
		switch c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, ok := p.hex()
			if !ok {
				return "", false
			}
			if utf16.IsSurrogate(r) {
				// A half of a pair alone is no character.
				if !p.take('\\') || !p.take('u') {
					return "", false
				}
				low, ok := p.hex()
				if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
					return "", false
				}
			}
			b = utf8.AppendRune(b, r)
		default:
			return "", false
		}
	}
}

func (p *parser) hex() (rune, bool) {
	if len(p.text)-p.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[p.at:p.at+4], 16, 16)
	p.at += 4
	return rune(n), err == nil
}
