package mock

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// shownBody is how much of a request's body is shown, in bytes.
	shownBody = 64 << 10
	// longestDelay bounds what mock-delay asks for.
	longestDelay = time.Minute
	// usualCache is what an answer says of storing it, unless mock-cache says something else: long enough for a hit, short
	// enough that nobody waits for a new page.
	usualCache = "max-age=10"
)

// Echo answers each request with what it was asked. These names in the query say how:
//
//	mock-status=503     the status; 0 closes the connection without an answer
//	mock-cache=no-store Cache-Control; max-age=10 unless said, empty for none
//	mock-delay=200ms    how long to wait, at most a minute
//	mock-type=text/css  Content-Type
func Echo(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	status := http.StatusOK
	if s := q.Get("mock-status"); s != "" {
		n, err := strconv.Atoi(s)
		if err == nil && n == 0 {
			panic(http.ErrAbortHandler) // how a handler of net/http cuts its connection
		}
		if err != nil || n < 200 || n > 599 {
			http.Error(w, fmt.Sprintf("mock-status is 200 to 599, or 0 for no answer, and not %q", s), http.StatusBadRequest)
			return
		}
		status = n
	}
	if s := q.Get("mock-delay"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 || d > longestDelay {
			http.Error(w, fmt.Sprintf("mock-delay is a time such as 200ms, at most %s, and not %q", longestDelay, s), http.StatusBadRequest)
			return
		}
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		}
	}
	cache := usualCache
	if q.Has("mock-cache") {
		cache = q.Get("mock-cache")
	}
	if cache != "" {
		w.Header().Set("Cache-Control", cache)
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, shownBody))
	kind, text := page(r, body)
	if t := q.Get("mock-type"); t != "" {
		kind = t
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Vary", "Accept")
	w.WriteHeader(status)
	if status != http.StatusNoContent && status != http.StatusNotModified {
		io.WriteString(w, text)
	}
}

// page is what was asked, in the form that the client likes best of those there are.
func page(r *http.Request, body []byte) (kind, text string) {
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "text/html"):
		title := html.EscapeString(r.Method + " " + r.URL.RequestURI())
		return "text/html; charset=utf-8", "<!doctype html>\n<html>\n<head><title>" + title + "</title></head>\n<body>\n<h1>" + title +
			"</h1>\n<p>The origin was asked:</p>\n<pre>" + html.EscapeString(told(r, body)) + "</pre>\n</body>\n</html>\n"
	case strings.Contains(accept, "application/json"):
		b, err := json.MarshalIndent(map[string]any{"method": r.Method, "host": r.Host, "url": r.URL.RequestURI(), "headers": r.Header, "body": string(body)}, "", "  ")
		if err != nil {
			panic("BUG: encode a request: " + err.Error()) // strings and lists of strings
		}
		return "application/json", string(b) + "\n"
	}
	return "text/plain; charset=utf-8", told(r, body)
}

// told is a request as text.
func told(r *http.Request, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\nHost: %s\n", r.Method, r.URL.RequestURI(), r.Host)
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range r.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	if len(body) > 0 {
		fmt.Fprintf(&b, "\n%s\n", body)
	}
	return b.String()
}
