package mock

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func ask(method, target, accept, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	Echo(w, r)
	return w
}

func TestEcho(t *testing.T) {
	f := func(target, accept string, status int, kind, cache, has string) {
		t.Helper()
		w := ask("POST", target, accept, "a<b")
		if got := w.Result(); got.StatusCode != status || got.Header.Get("Content-Type") != kind || got.Header.Get("Cache-Control") != cache || !strings.Contains(w.Body.String(), has) {
			t.Errorf("%s: %d %q %q\n%s", target, got.StatusCode, got.Header.Get("Content-Type"), got.Header.Get("Cache-Control"), w.Body)
		}
	}
	f("http://shop.example/a?b=c", "", 200, "text/plain; charset=utf-8", "max-age=10", "POST /a?b=c\nHost: shop.example\n\na<b\n")
	f("/a", "*/*", 200, "text/plain; charset=utf-8", "max-age=10", "Accept: */*\n")
	f("/a?<b>", "text/html,*/*;q=0.8", 200, "text/html; charset=utf-8", "max-age=10", "<title>POST /a?&lt;b&gt;</title>")
	f("/a", "application/json", 200, "application/json", "max-age=10", `"method": "POST"`)
	f("/a?mock-status=503&mock-cache=no-store", "", 503, "text/plain; charset=utf-8", "no-store", "POST /a")
	f("/a?mock-cache=", "", 200, "text/plain; charset=utf-8", "", "POST /a")
	f("/a?mock-type=text/css", "", 200, "text/css", "max-age=10", "POST /a")
	f("/a?mock-status=204", "", 204, "text/plain; charset=utf-8", "max-age=10", "")
	f("/a?mock-status=99", "", 400, "text/plain; charset=utf-8", "", "mock-status is 200 to 599")
	f("/a?mock-status=x", "", 400, "text/plain; charset=utf-8", "", `not "x"`)
	f("/a?mock-delay=2m", "", 400, "text/plain; charset=utf-8", "", "mock-delay is a time such as 200ms")
	f("/a?mock-delay=-1s", "", 400, "text/plain; charset=utf-8", "", "mock-delay")

	if w := ask("POST", "/", "", strings.Repeat("Z", shownBody+10)); strings.Count(w.Body.String(), "Z") != shownBody {
		t.Error("a long body is not cut")
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ask("GET", "/?mock-delay=1500ms", "", "")
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestNoAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(Echo))
	defer s.Close()
	if r, err := http.Post(s.URL+"/?mock-status=0", "", nil); err == nil {
		r.Body.Close()
		t.Errorf("status %d, want none", r.StatusCode)
	}
}
