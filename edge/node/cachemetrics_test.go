package node_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What the node compresses is in the metrics: what it sent, what it made once
// for all, and the bytes that clients got in it.
func TestEncodedInMetrics(t *testing.T) {
	u := newUpstream(t, "shop")
	text := strings.Repeat("a line of text\n", 1000)
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, text)
	})
	w := newWorldIn(t, t.TempDir(), nil, fmt.Sprintf("origins: [{name: shop, servers: [{url: %q}]}]\nsites: [{hosts: [shop.example], origin: shop, encode: {codings: [gzip]}}]\n", u.url()), nil)
	got := map[string]float64{}
	ask := func(outcome string) {
		t.Helper()
		req, _ := http.NewRequest("GET", "http://shop.example/a", nil)
		req.Header.Set("Accept-Encoding", "gzip")
		r, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%d bytes in %q: %v", n, r.Header.Get("Content-Encoding"), err)
		}
		got[outcome] += float64(n)
	}
	ask("miss")
	ask("hit")
	// A request is counted when its response has gone, and what is kept is made
	// beside it.
	f := func(want float64, name string, labels ...string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s%v is %v", name, labels, want), func() bool { return w.metric("wedge_"+name, labels...) == want })
	}
	const gzip, sent, kept = `coding="gzip"`, `use="sent"`, `use="kept"`
	f(2, "encodings_total", gzip, sent)
	f(1, "encodings_total", gzip, kept)
	ask("hit")
	size := float64(len(text))
	f(size, "encoding_in_bytes_total", gzip, kept)
	f(2*size, "encoding_in_bytes_total", gzip, sent)
	for outcome, n := range got {
		f(n, "response_body_bytes_total", gzip, `outcome="`+outcome+`"`)
	}
	f(2, "cache_served_total", `outcome="hit"`, `tier="memory"`)
	if out := w.metric("wedge_encoding_out_bytes_total", gzip, kept); out <= 0 || out >= size/10 {
		t.Errorf("%v bytes were compressed to %v", size, out)
	}
}
