// Command html-rewrite changes pages of HTML while they stream through: links to an old host lead to the new one, pictures load when they come into view,
// and a text is put at the end of the head. It is a function for the hook on_fetched; its README says how it is configured.
package main

import (
	"errors"
	"io"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_fetched
func onFetched() int32 { return wedge.OnFetched(rewrite) }

func main() {} // never runs

func rewrite(h *wedge.FetchedHook) error {
	if h.Request.Method() == "HEAD" || !strings.HasPrefix(strings.ToLower(h.Response.Header.Value("Content-Type")), "text/html") {
		return nil
	}
	c, err := settings()
	if err != nil {
		return err
	}
	// "A strong validator is unique across all representations of a given resource": the origin's is not that of the changed page.
	// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1
	if tag := h.Response.Header.Value("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		if err := h.Response.Header.Set("ETag", "W/"+tag); err != nil {
			return err
		}
	}
	return h.Stream(func(r io.Reader, w io.Writer) error {
		s := &scanner{w: w, tag: c.tag}
		if _, err := io.CopyBuffer(s, onlyReader{r}, make([]byte, 8<<10)); err != nil {
			return err
		}
		return s.end()
	})
}

// onlyReader has io.CopyBuffer use the buffer.
type onlyReader struct{ io.Reader }

type config struct {
	moved [][2]string // beginnings of URLs: from, to
	lazy  bool
	head  string
}

func settings() (c config, err error) {
	for name, v := range wedge.Settings() {
		switch name {
		case "moved":
			for rule := range strings.SplitSeq(v, ";") {
				if rule = strings.TrimSpace(rule); rule == "" {
					continue
				}
				from, to, ok := strings.Cut(rule, " ")
				if to = strings.TrimSpace(to); !ok || from == "" || to == "" || strings.ContainsAny(from+to, " \t\"'<>`") {
					return c, errors.New(`config moved: "` + rule + `" is no rule: write FROM TO; FROM TO, beginnings of URLs`)
				}
				c.moved = append(c.moved, [2]string{from, to})
			}
		case "lazy":
			c.lazy = v == "true"
		case "head":
			c.head = v
		default:
			return c, errors.New("config " + name + " is not known: see the README of the example html-rewrite")
		}
	}
	return c, nil
}

// tag appends a tag as it is to be.
func (c config) tag(to []byte, t *tag) []byte {
	if t.closes {
		if t.is("head") {
			to = append(to, c.head...)
		}
		return append(to, t.text...)
	}
	done := t.name[1]
	to = append(to, t.text[:done]...)
	if c.lazy && (t.is("img") || t.is("iframe")) && !t.has("loading") {
		to = append(to, ` loading="lazy"`...)
	}
	for _, a := range t.attributes {
		to = append(to, t.text[done:a.from]...)
		to = append(to, c.move(string(t.text[a.start:a.end]), string(t.text[a.from:a.to]))...)
		done = a.to
	}
	return append(to, t.text[done:]...)
}

// move is the value of an attribute with what has moved.
func (c config) move(name, v string) string {
	switch strings.ToLower(name) {
	case "href", "src", "action", "formaction", "poster":
		return c.url(v)
	case "srcset":
		// Candidates are separated by commas; a URL that holds one followed by a space is none.
		parts := strings.Split(v, ", ")
		for i, p := range parts {
			parts[i] = c.url(p)
		}
		return strings.Join(parts, ", ")
	}
	return v
}

func (c config) url(v string) string {
	blank := len(v) - len(strings.TrimLeft(v, " \t\n\f\r"))
	for _, m := range c.moved {
		if rest, ok := strings.CutPrefix(v[blank:], m[0]); ok {
			return v[:blank] + m[1] + rest
		}
	}
	return v
}
