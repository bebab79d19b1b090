package site

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func ask(t *testing.T, s *Site, variant, method, uri string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.Variant(variant).ServeHTTP(w, httptest.NewRequest(method, uri, nil))
	return w
}

func TestPages(t *testing.T) {
	s := New()
	f := func(variant, uri string, status int, want string) {
		t.Helper()
		w := ask(t, s, variant, "GET", uri)
		if w.Code != status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s of variant %s: %d, %q in it: %t", uri, variant, w.Code, want, strings.Contains(w.Body.String(), want))
		}
		if w.Header().Get("X-Origin") != variant || w.Header().Get("Server") == "" || w.Header().Get("X-Powered-By") == "" {
			t.Errorf("%s: fields %v", uri, w.Header())
		}
	}
	f("a", "/", 200, "Eight lights for people who are lost")
	f("b", "/", 200, "Eight lamps are lit")
	f("a", "/lights/", 200, "Skerry Nine")
	f("a", "/lights/the-candle", 200, "It does not flash")
	f("a", "/lights/none", 404, "No light here")
	f("a", "/search?q=red&sort=height", 200, "2 lights for “red”")
	f("a", "/search?q=%3Cscript%3E", 200, "“&lt;script&gt;”")
	f("a", "/almanac", 200, "<td>June</td><td>20:")
	f("a", "/members/log", 200, "Wind south-west")
	f("a", "/members/none", 404, "No light here")
	f("a", "/none", 404, "No light here")
	f("a", "/assets/site.css", 200, "--lamp")
	f("a", "/assets/site.go", 404, "No light here")
	f("a", "/api/lights.json", 200, "saint-orla")
}

// Every address that a page names is answered.
func TestNoDeadLinks(t *testing.T) {
	s := New()
	address := regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"|url\((/[^)]*)\)`)
	seen := map[string]bool{}
	var visit func(uri string)
	visit = func(uri string) {
		if seen[uri] {
			return
		}
		seen[uri] = true
		for _, variant := range []string{"a", "b"} {
			w := ask(t, s, variant, "GET", uri)
			if w.Code != 200 {
				t.Errorf("%s of variant %s: %d", uri, variant, w.Code)
			}
			for _, m := range address.FindAllStringSubmatch(w.Body.String(), -1) {
				visit(strings.ReplaceAll(m[1]+m[2], "&amp;", "&"))
			}
		}
	}
	visit("/")
	if len(seen) < 20 {
		t.Errorf("only %d addresses were found", len(seen))
	}
}

func TestPicturesAreXML(t *testing.T) {
	for name, body := range New().pictures {
		if !strings.HasSuffix(name, ".svg") {
			continue
		}
		d := xml.NewDecoder(strings.NewReader(string(body)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
		if strings.Contains(string(body), "style") {
			t.Errorf("%s has styles, which a policy may refuse", name)
		}
	}
}

func TestLog(t *testing.T) {
	s := New()
	ask(t, s, "a", "GET", "/")
	ask(t, s, "b", "HEAD", "/?x=1")
	got := s.Log.Since(0)
	want := []Request{{1, "a", "GET", "/"}, {2, "b", "HEAD", "/?x=1"}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] || s.Log.Number() != 2 {
		t.Errorf("log %v", got)
	}
	var counted struct{ Requests int }
	if err := json.Unmarshal(ask(t, s, "a", "GET", "/api/origin.json").Body.Bytes(), &counted); err != nil || counted.Requests != 3 {
		t.Errorf("the API says %d requests, %v", counted.Requests, err)
	}
	for range 2 * kept {
		ask(t, s, "a", "GET", "/api/lights.json")
	}
	if n := len(s.Log.Since(0)); n != kept || s.Log.Number() != 2*kept+3 {
		t.Errorf("%d kept of %d", n, s.Log.Number())
	}
}
