// Command cache-api puts pages together from fragments that live for different times: the frame for a day, the news for a minute, the basket of the one
// who asks not at all. Fragments are kept in the node's cache by the function itself and purged by tag. It is a function for the hook on_response; its
// README says how pages are written.
package main

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_response
func onResponse() int32 { return wedge.OnResponse(compose) }

func main() {} // never runs

const (
	opening, closing = "<!--fragment ", "-->"

	maxMark      = 512      // of what stands between opening and closing
	maxFragments = 16       // of a page
	maxFragment  = 64 << 10 // of a fragment's text
	usualLife    = wedge.Minute
)

func compose(h *wedge.ResponseHook) error {
	if h.Response.Status() != 200 || !strings.HasPrefix(h.Response.Header.Value("Content-Type"), "text/html") {
		return nil
	}
	// The page that leaves is another than the one that was stored: its validators would have a browser keep old fragments.
	for _, name := range [...]string{"ETag", "Last-Modified"} {
		if err := h.Response.Header.Remove(name); err != nil {
			return err
		}
	}
	if err := h.Response.Header.Set("Cache-Control", "private, no-cache"); err != nil {
		return err
	}
	return h.Stream(func(r io.Reader, w io.Writer) error {
		p := &page{w: w, user: user(h.Request)}
		if _, err := io.Copy(p, r); err != nil {
			return err
		}
		return p.end()
	})
}

// user is who asks, as far as fragments may depend on it; "" is nobody.
func user(r wedge.RequestView) string {
	name, ok := wedge.Config("user_cookie")
	if !ok {
		return ""
	}
	v, _ := r.Cookie(name)
	return v
}

// A page is written in pieces of any size and passed on with its fragments put in.
type page struct {
	w         io.Writer
	user      string
	held      []byte // the beginning of what may be a mark
	fragments int
}

func (p *page) Write(piece []byte) (int, error) {
	text := append(p.held, piece...)
	p.held = nil
	for {
		at := bytes.Index(text, []byte(opening))
		if at < 0 {
			at = len(text) - overlap(text)
			rest := text[at:]
			if _, err := p.w.Write(text[:at]); err != nil {
				return 0, err
			}
			p.held = append([]byte(nil), rest...)
			return len(piece), nil
		}
		if _, err := p.w.Write(text[:at]); err != nil {
			return 0, err
		}
		text = text[at:]
		length := bytes.Index(text, []byte(closing))
		if length < 0 && len(text) < maxMark {
			p.held = append([]byte(nil), text...)
			return len(piece), nil
		}
		if length < 0 || length > maxMark {
			// It is not one of ours; the text goes on behind its beginning.
			if _, err := p.w.Write(text[:len(opening)]); err != nil {
				return 0, err
			}
			text = text[len(opening):]
			continue
		}
		if err := p.fragment(string(text[len(opening):length])); err != nil {
			return 0, err
		}
		text = text[length+len(closing):]
	}
}

// overlap is how much of the end of text may be the beginning of a mark.
func overlap(text []byte) int {
	for n := min(len(opening)-1, len(text)); n > 0; n-- {
		if bytes.HasPrefix([]byte(opening), text[len(text)-n:]) {
			return n
		}
	}
	return 0
}

func (p *page) end() error {
	_, err := p.w.Write(p.held)
	return err
}

// fragment writes what stands in a mark's place: as "origin=cms path=/news ttl=30 tag=news". If it cannot be had, the page goes without.
func (p *page) fragment(mark string) error {
	if p.fragments++; p.fragments > maxFragments {
		wedge.Log(wedge.LevelWarn, "a page has too many fragments", "most", strconv.Itoa(maxFragments))
		return nil
	}
	f, err := parse(mark)
	if err == nil {
		var text []byte
		if text, err = f.text(p.user); err == nil {
			_, err = p.w.Write(text)
			return err // only writing can fail here: the client has gone
		}
	}
	wedge.Log(wedge.LevelWarn, "a fragment is missing", "mark", mark, "why", err.Error())
	return nil
}

type fragment struct {
	origin, path, tag string
	life              wedge.Duration
	personal          bool // depends on the user, and is never kept
}

func parse(mark string) (f fragment, err error) {
	f.life = usualLife
	for word := range strings.FieldsSeq(mark) {
		name, v, _ := strings.Cut(word, "=")
		switch name {
		case "origin":
			f.origin = v
		case "path":
			f.path = v
		case "tag":
			f.tag = v
		case "personal":
			f.personal = true
		case "ttl":
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || n > 86400 {
				return f, errors.New("ttl is no number of seconds from 1 to 86400")
			}
			f.life = wedge.Duration(n) * wedge.Second
		default:
			return f, errors.New("unknown word " + name)
		}
	}
	if f.origin == "" || !strings.HasPrefix(f.path, "/") {
		return f, errors.New("origin or path is missing")
	}
	return f, nil
}

// text is the fragment, from the cache or else from its origin.
func (f fragment) text(user string) ([]byte, error) {
	key := "fragment " + f.origin + " " + f.path
	if !f.personal {
		if text, err := wedge.CacheGet(key); err == nil || !errors.Is(err, wedge.ErrAbsent) {
			return text, err
		}
	}
	q := &wedge.FetchRequest{Origin: f.origin, Target: f.path, Timeout: 2 * wedge.Second}
	if f.personal && user != "" {
		q.Fields = []string{"X-User", user}
	}
	r, err := wedge.Fetch(q)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Status != 200 {
		return nil, errors.New("the origin answered " + strconv.Itoa(r.Status))
	}
	text, err := r.Body(maxFragment)
	if err != nil || f.personal {
		return text, err
	}
	var tags []string
	if f.tag != "" {
		tags = []string{f.tag}
	}
	// That it cannot be kept is no reason to leave it out.
	if err := wedge.CachePut(key, text, f.life, tags...); err != nil {
		wedge.Log(wedge.LevelWarn, "a fragment is not kept", "fragment", f.path, "why", err.Error())
	}
	return text, nil
}
