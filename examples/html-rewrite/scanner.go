package main

import (
	"bytes"
	"io"
	"strings"
)

// maxTag bounds what is held of a tag. A longer one, a picture within its own tag say, goes through as it is.
const maxTag = 16 << 10

// A scanner is written a page in pieces of any size and passes it on, with each tag as its function writes it. It knows as much of HTML as it takes to
// tell tags from what only looks like one: comments, quoted values, and the elements whose content is text.
// https://html.spec.whatwg.org/multipage/parsing.html#tokenization
type scanner struct {
	w   io.Writer
	tag func(*tag) string

	held  []byte
	until string // as long as it is not "", everything is text up to there, in whatever case
}

// raw are elements whose content is text whatever it looks like.
var raw = [...]string{"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"}

func (s *scanner) Write(piece []byte) (int, error) {
	s.held = append(s.held, piece...)
	n, err := s.scan(s.held)
	s.held = append(s.held[:0], s.held[n:]...)
	return len(piece), err
}

// end passes on what waited for more.
func (s *scanner) end() error {
	_, err := s.w.Write(s.held)
	return err
}

// scan passes text on and returns how much of it; the rest waits for what follows.
func (s *scanner) scan(text []byte) (done int, err error) {
	pass := func(n int) {
		if err == nil && n > 0 {
			_, err = s.w.Write(text[done : done+n])
		}
		done += n
	}
	for err == nil && done < len(text) {
		rest := text[done:]
		if s.until != "" {
			at := indexFold(rest, s.until)
			if at < 0 {
				pass(max(0, len(rest)-len(s.until)+1))
				return done, err
			}
			pass(at)
			s.until = ""
			if text[done] == '-' {
				pass(len("-->"))
			}
			continue
		}
		at := bytes.IndexByte(rest, '<')
		if at != 0 {
			if at < 0 {
				at = len(rest)
			}
			pass(at)
			continue
		}
		if len(rest) < len("<!--") {
			return done, err
		}
		if bytes.HasPrefix(rest, []byte("<!--")) {
			pass(len("<!"))
			s.until = "-->" // "<!-->" is a whole comment, so the dashes of the beginning may be those of the end
			continue
		}
		if !isLetter(rest[1]) && !(rest[1] == '/' && isLetter(rest[2])) {
			pass(1)
			continue
		}
		t, whole := parse(rest[:min(len(rest), maxTag)])
		switch {
		case !whole && len(rest) < maxTag:
			return done, err
		case !whole:
			pass(1)
			continue
		}
		if _, err = io.WriteString(s.w, s.tag(t)); err != nil {
			return done, err
		}
		done += len(t.text)
		for _, name := range raw {
			if !t.closes && t.is(name) {
				s.until = "</" + name
			}
		}
	}
	return done, err
}

// indexFold is where text holds a word of ASCII, in whatever case.
func indexFold(text []byte, word string) int {
	for i := 0; i+len(word) <= len(text); i++ {
		if strings.EqualFold(string(text[i:i+len(word)]), word) {
			return i
		}
	}
	return -1
}

// A tag is a tag as it stands in the page.
type tag struct {
	text       string // from "<" to ">"
	name       string
	closes     bool
	attributes []attribute // of an opening one, in order
}

// An attribute is where a tag's text has its name, and its value without quotes.
type attribute struct{ start, end, from, to int }

func (t *tag) is(name string) bool { return strings.EqualFold(t.name, name) }

func (t *tag) has(attribute string) bool {
	for _, a := range t.attributes {
		if strings.EqualFold(t.text[a.start:a.end], attribute) {
			return true
		}
	}
	return false
}

// parse reads a tag at the beginning of text, and says whether its end is there.
func parse(text []byte) (*tag, bool) {
	t := &tag{}
	i := 1
	if text[i] == '/' {
		t.closes = true
		i++
	}
	skip := func(more func(c byte) bool) {
		for i < len(text) && more(text[i]) {
			i++
		}
	}
	start := i
	skip(func(c byte) bool { return !isSpace(c) && c != '/' && c != '>' })
	t.name = string(text[start:i])
	for {
		skip(func(c byte) bool { return isSpace(c) || c == '/' })
		if i == len(text) {
			return nil, false
		}
		if text[i] == '>' {
			t.text = string(text[:i+1])
			return t, true
		}
		a := attribute{start: i}
		i++ // an equals sign at the beginning is part of the name
		skip(func(c byte) bool { return !isSpace(c) && c != '/' && c != '>' && c != '=' })
		a.end, a.from, a.to = i, i, i
		skip(isSpace)
		if i < len(text) && text[i] == '=' {
			i++
			skip(isSpace)
			if i == len(text) {
				return nil, false
			}
			if quote := text[i]; quote == '"' || quote == '\'' {
				i++
				a.from = i
				skip(func(c byte) bool { return c != quote })
				a.to = i
				i = min(i+1, len(text))
			} else {
				a.from = i
				skip(func(c byte) bool { return !isSpace(c) && c != '>' })
				a.to = i
			}
		}
		if !t.closes {
			t.attributes = append(t.attributes, a)
		}
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }
