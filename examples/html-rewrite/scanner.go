package main

import (
	"bytes"
	"io"
)

// maxTag bounds what is held of a tag. A longer one, a picture within its own tag say, goes through as it is.
const maxTag = 16 << 10

// A scanner is written a page in pieces of any size and passes it on, with each tag as its function writes it. It knows as much of HTML as it takes to
// tell tags from what only looks like one: comments, quoted values, and the elements whose content is text. It looks at each byte once, whatever the page
// holds and however it is cut: a page cannot make it slow.
// https://html.spec.whatwg.org/multipage/parsing.html#tokenization
type scanner struct {
	w   io.Writer
	tag func(to []byte, t *tag) []byte // appends a tag as it is to be

	state state
	out   []byte // what this piece has become
	t     tag    // the tag that has begun
	long  bool   // it has more than maxTag bytes, and passes as it comes
	quote byte   // around the present value

	until string // of text: the beginning of the tag that ends it, in lower case
	found int    // how much of until has come, or how many dashes of a comment's end
}

type state int

const (
	text        state = iota
	opened            // "<"
	closing           // "</"
	bang              // "<!"
	dash              // "<!-"
	comment           // up to "-->"
	raw               // up to what until says
	name              // of a tag
	between           // attributes
	attribute         // its name
	beforeEqual       // behind an attribute's name and white space
	beforeValue       // behind an equals sign
	quoted            // a value
	unquoted          // a value
)

// texts are how the elements end whose content is text whatever it looks like.
var texts = [...]string{"</script", "</style", "</textarea", "</title", "</xmp", "</iframe", "</noembed", "</noframes", "</plaintext"}

func (s *scanner) Write(piece []byte) (int, error) {
	s.out = s.out[:0]
	for i := 0; i < len(piece); {
		if s.state == text {
			n := bytes.IndexByte(piece[i:], '<')
			if n < 0 {
				s.out = append(s.out, piece[i:]...)
				break
			}
			s.out = append(s.out, piece[i:i+n]...)
			s.t, s.long, s.state = tag{text: append(s.t.text[:0], '<'), attributes: s.t.attributes[:0]}, false, opened
			i += n + 1
			continue
		}
		if s.step(piece[i]) {
			i++
		}
	}
	_, err := s.w.Write(s.out)
	return len(piece), err
}

// end passes on what waited for more.
func (s *scanner) end() error {
	_, err := s.w.Write(s.t.text)
	return err
}

// step looks at the next byte outside of text, and says whether it has taken it.
func (s *scanner) step(c byte) bool {
	switch s.state {
	case opened, closing, bang, dash:
		return s.begin(c)
	case comment:
		s.out = append(s.out, c)
		switch {
		case c == '-':
			s.found++
		case c == '>' && s.found >= 2:
			s.state = text
		default:
			s.found = 0
		}
		return true
	case raw:
		return s.raw(c)
	}
	s.inTag(c)
	return true
}

// begin tells a tag from what only begins like one.
func (s *scanner) begin(c byte) bool {
	switch {
	case s.state == opened && c == '/':
		s.state, s.t.closes = closing, true
	case s.state == opened && c == '!':
		s.state = bang
	case (s.state == opened || s.state == closing) && isLetter(c):
		s.state, s.t.name[0] = name, len(s.t.text)
	case s.state == bang && c == '-':
		s.state = dash
	case s.state == dash && c == '-':
		s.state, s.found = comment, 2 // "<!-->" is a whole comment, so the dashes of the beginning may be those of the end
		s.pass(c)
		return true
	default:
		s.state = text
		s.pass()
		return false
	}
	s.t.text = append(s.t.text, c)
	return true
}

// pass passes on what is held of a tag, and what comes behind it.
func (s *scanner) pass(more ...byte) {
	s.out = append(append(s.out, s.t.text...), more...)
	s.t.text = s.t.text[:0]
}

// raw passes on text up to the end tag that ends it, and that tag as it is.
func (s *scanner) raw(c byte) bool {
	switch {
	case s.found == len(s.until) && (isSpace(c) || c == '/' || c == '>'):
		s.t.closes, s.long, s.state, s.until = true, true, between, ""
		return false
	case s.found < len(s.until) && lower(c) == s.until[s.found]:
		s.found++
	case c == '<':
		s.found = 1
	default:
		s.found = 0
	}
	s.out = append(s.out, c)
	return true
}

// inTag takes a byte of a tag.
func (s *scanner) inTag(c byte) {
	at := len(s.t.text)
	switch s.state {
	case name:
		if isSpace(c) || c == '/' || c == '>' {
			s.t.name[1] = at
			s.until = ""
			for _, end := range texts {
				if !s.t.closes && !s.long && s.t.is(end[len("</"):]) {
					s.until = end
				}
			}
			s.state = between
		}
	case attribute:
		if isSpace(c) || c == '/' || c == '>' || c == '=' {
			a := s.t.last()
			a.end, a.from, a.to = at, at, at
			s.state = between
			if c == '=' {
				s.state = beforeValue
			} else if isSpace(c) {
				s.state = beforeEqual
				break
			}
		}
	case beforeEqual:
		if c == '=' {
			s.state = beforeValue
		} else if !isSpace(c) {
			s.state = between
		}
	case beforeValue:
		if isSpace(c) {
			break
		}
		a := s.t.last()
		a.from, a.to = at, at
		switch c {
		case '"', '\'':
			a.from++
			s.state, s.quote = quoted, c
		case '>':
			s.state = between
		default:
			s.state = unquoted
		}
	case unquoted:
		if isSpace(c) || c == '>' {
			s.t.last().to = at
			s.state = between
		}
	case quoted:
		if c == s.quote {
			s.t.last().to = at
			s.state = between
			s.hold(c)
			return
		}
	}
	s.hold(c)
	if s.state != between || isSpace(c) || c == '/' {
		return
	}
	if c == '>' {
		s.finish()
		return
	}
	// An equals sign at the beginning is part of the name.
	s.state = attribute
	if s.t.closes || s.long {
		s.t.attributes = s.t.attributes[:0] // nobody asks for them
	}
	s.t.attributes = append(s.t.attributes, attr{start: at})
}

// hold keeps a byte of the tag until it is whole, or passes it on if there are too many.
func (s *scanner) hold(c byte) {
	if s.long {
		s.out = append(s.out, c)
		return
	}
	if s.t.text = append(s.t.text, c); len(s.t.text) > maxTag {
		s.long = true
		s.pass()
	}
}

// finish passes on a whole tag.
func (s *scanner) finish() {
	if !s.long {
		s.out = s.tag(s.out, &s.t)
	}
	s.t.text = s.t.text[:0]
	s.state, s.found = text, 0
	if s.until != "" {
		s.state = raw
	}
}

// A tag is a tag as it stands in the page.
type tag struct {
	text       []byte // from "<" to ">"
	name       [2]int // where text has it
	closes     bool
	attributes []attr // of an opening one, in order
}

// An attr is where a tag's text has an attribute's name, and its value without quotes.
type attr struct{ start, end, from, to int }

func (t *tag) last() *attr { return &t.attributes[len(t.attributes)-1] }

func (t *tag) is(name string) bool { return equalFold(t.text[t.name[0]:t.name[1]], name) }

func (t *tag) has(attribute string) bool {
	for _, a := range t.attributes {
		if equalFold(t.text[a.start:a.end], attribute) {
			return true
		}
	}
	return false
}

// equalFold tells whether text is a word in lower case, in whatever case.
func equalFold(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i, c := range text {
		if lower(c) != word[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c |= 0x20
	}
	return c
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }
