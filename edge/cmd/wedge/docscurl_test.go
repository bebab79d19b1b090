package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// newDocsOrigin is a server that may be cached for a minute. It answers with the file of a folder, and says what it was asked where there is none.
func newDocsOrigin(t *testing.T, folder string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if strings.HasPrefix(q.URL.Path, "/news/") {
			w.Header().Set("Surrogate-Key", "news")
		}
		if b, err := fs.ReadFile(os.DirFS(filepath.Dir(folder)), path.Join(filepath.Base(folder), q.URL.Path)); err == nil {
			w.Write(b)
			return
		}
		fmt.Fprintf(w, "the origin's %s\n", q.URL.RequestURI())
	})}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return ln.Addr().String()
}

// curl is as much of curl as pages use, so that nobody has to install it: -s, -i, -I, -H, -b and -X.
func (r *reader) curl(args []string) (string, error) {
	method, url, head := "GET", "", false
	var fields []string
	joined := regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(strings.Join(args, " "), -1)
	for i := 0; i < len(joined); i++ {
		word := func(n int) string { return joined[n][1] + os.Expand(joined[n][2]+joined[n][3], r.variable) }
		switch a := word(i); a {
		case "-s":
		case "-i", "-si":
			head = true
		case "-I", "-sI":
			method, head = "HEAD", true
		case "-X", "-H", "-b":
			if i++; i == len(joined) {
				return "", fmt.Errorf("curl %s: nothing follows", a)
			}
			switch a {
			case "-X":
				method = word(i)
			case "-H":
				fields = append(fields, word(i))
			case "-b":
				fields = append(fields, "Cookie: "+word(i))
			}
		default:
			if strings.HasPrefix(a, "-") || url != "" {
				return "", fmt.Errorf("curl %s: TestDocs does not know this", a)
			}
			url = a
		}
	}
	q, err := http.NewRequestWithContext(r.t.Context(), method, url, nil)
	if err != nil {
		return "", err
	}
	q.Header.Set("User-Agent", "curl")
	for _, f := range fields {
		name, v, _ := strings.Cut(f, ": ")
		q.Header.Add(name, v)
		if strings.EqualFold(name, "Host") {
			q.Host = v
		}
	}
	res, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(q)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var out bytes.Buffer
	if head {
		fmt.Fprintf(&out, "%s %s\n", res.Proto, res.Status)
		for _, name := range slices.Sorted(maps.Keys(res.Header)) {
			for _, v := range res.Header[name] {
				fmt.Fprintf(&out, "%s: %s\n", name, v)
			}
		}
		out.WriteByte('\n')
	}
	_, err = io.Copy(&out, res.Body)
	return out.String(), err
}

// variable is what the page has set in its shell.
func (r *reader) variable(name string) (value string) {
	for _, v := range r.env {
		if rest, is := strings.CutPrefix(v, name+"="); is {
			value = rest // the last one counts
		}
	}
	return value
}
