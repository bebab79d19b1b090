package admin

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// All locks at once: requests of all kinds, wrong tokens, changes of tokens,
// rotation of the audit log. Each write has its line, whole.
func TestHammer(t *testing.T) {
	st := start(t, func(o *Options) { o.Now, o.AuditSize, o.AuditKeep = time.Now, 4<<10, 1000 })
	end := time.Now().Add(100 * time.Millisecond)
	var wg sync.WaitGroup
	var writes [8]int
	for n := range 8 {
		wg.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				switch i % 6 {
				case 0, 1:
					if w := st.do(request(deploySecret, "PUT", fmt.Sprintf("/v1/kv/s/value?key=%d", n), "v")); w.Code != 200 {
						t.Errorf("put: %d: %s", w.Code, w.Body)
					}
					writes[n]++
				case 2:
					r := request("wrong-0123456789abcdef", "GET", "/v1/status", "")
					r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", n, i&255)
					st.do(r)
				case 3:
					if err := st.SetTokens(someTokens); err != nil {
						t.Error(err)
					}
				case 4:
					if w := st.do(request(operatorSecret, "PUT", "/v1/config", fmt.Sprintf("drain: %ds\n", i))); w.Code != 200 {
						t.Errorf("config: %d: %s", w.Code, w.Body)
					}
					writes[n]++
				case 5:
					st.do(request(readSecret, "GET", "/v1/kv/s", ""))
				}
			}
		})
	}
	wg.Wait()
	want := 0
	for _, n := range writes {
		want += n
	}
	got := len(st.records(t))
	for i := 1; ; i++ {
		n, whole := linesOf(t, st.audit.numbered(i))
		if n == 0 {
			break
		}
		if !whole {
			t.Errorf("%s has a torn line", st.audit.numbered(i))
		}
		got += n
	}
	if got != want {
		t.Errorf("%d lines for %d writes", got, want)
	}
	if len(st.bugs)+len(st.audits)+len(st.failed) > 0 {
		t.Errorf("bugs %q, audits %v, failed %q", st.bugs, st.audits, st.failed)
	}
}

func linesOf(t *testing.T, file string) (n int, whole bool) {
	t.Helper()
	b := read(t, file)
	for line := range strings.Lines(b) {
		n++
		if !strings.HasPrefix(line, `{"time":`) || !strings.HasSuffix(line, "}\n") {
			return n, false
		}
	}
	return n, true
}
