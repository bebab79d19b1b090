package policy

// A dictionary reads the members of a structured field of type Dictionary,
// one line of it, without keeping them.
// https://www.rfc-editor.org/rfc/rfc8941#section-4.2.2
type dictionary struct {
	s   string
	i   int
	bad bool
	// more tells that a comma was read, so that a member must follow.
	more bool
}

// member is one member: its key, and of its value what directives need.
type member struct {
	key     string
	kind    sfType
	truth   bool
	integer int64
}

// sfType is the type of a member's value.
type sfType uint8

const (
	sfBoolean sfType = iota
	sfInteger
	sfDecimal
	sfString
	sfToken
	sfBytes
	sfList
)

// next reads the next member; false at the end, or at an error (bad).
func (p *dictionary) next(m *member) bool {
	if p.bad {
		return false
	}
	if p.i == 0 {
		p.skip(" ")
	}
	if p.end() {
		p.bad = p.bad || p.more
		return false
	}
	*m = member{}
	if !p.key(&m.key) {
		return p.fail()
	}
	if p.eat('=') {
		if !p.value(m) {
			return p.fail()
		}
	} else {
		m.truth = true
		if !p.parameters() {
			return p.fail()
		}
	}
	p.skip(" \t")
	p.more = false
	if p.end() {
		return true
	}
	if !p.eat(',') {
		return p.fail()
	}
	p.more = true
	p.skip(" \t")
	return true
}

func (p *dictionary) fail() bool { p.bad = true; return false }
func (p *dictionary) end() bool  { return p.i >= len(p.s) }

func (p *dictionary) peek() byte {
	if p.end() {
		return 0
	}
	return p.s[p.i]
}

func (p *dictionary) eat(c byte) bool {
	if p.end() || p.s[p.i] != c {
		return false
	}
	p.i++
	return true
}

func (p *dictionary) skip(set string) {
	for !p.end() && (p.s[p.i] == ' ' || p.s[p.i] == '\t' && len(set) == 2) {
		p.i++
	}
}

// key = ( lcalpha / "*" ) *( lcalpha / DIGIT / "_" / "-" / "." / "*" )
func (p *dictionary) key(to *string) bool {
	start := p.i
	if c := p.peek(); !('a' <= c && c <= 'z' || c == '*') {
		return false
	}
	for !p.end() {
		c := p.s[p.i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.' || c == '*') {
			break
		}
		p.i++
	}
	*to = p.s[start:p.i]
	return true
}

// value reads an item or an inner list, with its parameters.
func (p *dictionary) value(m *member) bool {
	if p.peek() != '(' {
		return p.item(m) && p.parameters()
	}
	p.i++
	for {
		p.skip(" ")
		if p.eat(')') {
			m.kind = sfList
			return p.parameters()
		}
		var one member
		if !p.item(&one) || !p.parameters() {
			return false
		}
		if c := p.peek(); c != ' ' && c != ')' {
			return false
		}
	}
}

// parameters = *( ";" *SP key [ "=" bare-item ] )
//
// "Parameters received on cache directives are to be ignored, unless other
// handling is explicitly specified."
// https://www.rfc-editor.org/rfc/rfc9213#section-2.1
func (p *dictionary) parameters() bool {
	for p.eat(';') {
		p.skip(" ")
		var key string
		if !p.key(&key) {
			return false
		}
		if p.eat('=') {
			var m member
			if !p.item(&m) {
				return false
			}
		}
	}
	return true
}

// item reads a bare item.
func (p *dictionary) item(m *member) bool {
	switch c := p.peek(); {
	case c == '-' || '0' <= c && c <= '9':
		return p.number(m)
	case c == '"':
		m.kind = sfString
		return p.string()
	case c == ':':
		m.kind = sfBytes
		return p.bytes()
	case c == '?':
		p.i++
		m.kind, m.truth = sfBoolean, p.peek() == '1'
		return p.eat('0') || p.eat('1')
	case c == '*' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		m.kind = sfToken
		for p.i++; !p.end() && (isToken(p.s[p.i]) || p.s[p.i] == ':' || p.s[p.i] == '/'); p.i++ {
		}
		return true
	}
	return false
}

// number reads an Integer of at most 15 digits, or a Decimal of at most 12
// before and 3 after its point.
func (p *dictionary) number(m *member) bool {
	negative := p.eat('-')
	start := p.i
	for !p.end() && '0' <= p.s[p.i] && p.s[p.i] <= '9' && p.i-start <= 15 {
		m.integer = m.integer*10 + int64(p.s[p.i]-'0')
		p.i++
	}
	digits := p.i - start
	if digits == 0 || digits > 15 {
		return false
	}
	m.kind = sfInteger
	if p.eat('.') {
		m.kind = sfDecimal
		start = p.i
		for !p.end() && '0' <= p.s[p.i] && p.s[p.i] <= '9' {
			p.i++
		}
		if n := p.i - start; digits > 12 || n < 1 || n > 3 {
			return false
		}
	}
	if negative {
		m.integer = -m.integer
	}
	return true
}

func (p *dictionary) string() bool {
	for p.i++; !p.end(); p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return true
		case c == '\\':
			p.i++
			if c := p.peek(); c != '"' && c != '\\' {
				return false
			}
		case c < 0x20 || c >= 0x7f:
			return false
		}
	}
	return false
}

func (p *dictionary) bytes() bool {
	for p.i++; !p.end(); p.i++ {
		c := p.s[p.i]
		switch {
		case c == ':':
			p.i++
			return true
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '+', c == '/', c == '=':
		default:
			return false
		}
	}
	return false
}
