package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// generated are pages that are made from types and tables, and tested where these are.
var generated = []string{"access-log.md", "cli.md", "compatibility.md", "configuration.md"}

// TestDocs does what the pages in edge/docs say, each in a folder of its own, from the first code block to the last:
//
//	yaml FILE      is written to the file, and must be a right configuration
//	go FILE        is written to the file, or added to one that is there; a program is compiled where a command builds it
//	text FILE      is written to the file
//	console        is typed: what stands behind "$ ", and its output must be what follows, where "…" is whatever comes
//
// A block without a word is none of these and no code; any other word fails. Nodes, which a page starts with
// "wedge serve &", listen elsewhere than the page says, so that tests do not meet; an origin stands behind port 9000.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages", err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); !slices.Contains(generated, name) {
			t.Run(strings.TrimSuffix(name, ".md"), func(t *testing.T) {
				if raced {
					t.Skip("compilers and modules of Go take half a minute under the race detector")
				}
				text, err := os.ReadFile(page)
				if err != nil {
					t.Fatal(err)
				}
				newReader(t).read(string(text))
			})
		}
	}
}

// A reader does what a page says.
type reader struct {
	t             *testing.T
	dir           string
	page, machine *strings.Replacer // from the page's addresses to those of the machine, and back
	admin         string
	env           []string
	node          *exec.Cmd
}

func newReader(t *testing.T) *reader {
	r := &reader{t: t, dir: t.TempDir()}
	origin := newDocsOrigin(t)
	front, admin := freeAddr(t), freeAddr(t)
	for admin == front {
		admin = freeAddr(t)
	}
	r.admin = admin
	r.page = strings.NewReplacer("127.0.0.1:8080", front, `":8080"`, `"`+front+`"`, "127.0.0.1:9000", origin, "127.0.0.1:9070", admin)
	r.machine = strings.NewReplacer(front, "127.0.0.1:8080", origin, "127.0.0.1:9000", admin, "127.0.0.1:9070", r.dir, ".")
	r.env = append(os.Environ(), "WEDGE_NODE=http://"+admin, "TZ=UTC")
	t.Cleanup(r.stop)
	return r
}

// freeAddr is an address on which a command may listen. Its port is below those that systems give to whoever wants any
// (from 32768 on Linux, from 49152 elsewhere), so that nobody is given it before the command begins.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// newDocsOrigin is a server that may be cached for a minute, and says what it was asked.
func newDocsOrigin(t *testing.T) string {
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
		fmt.Fprintf(w, "the origin's %s\n", q.URL.RequestURI())
	})}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return ln.Addr().String()
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)(?: ([^\n]+))?\n(.*?)^```$")

func (r *reader) read(text string) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		word, name, body := m[1], m[2], m[3]
		switch word {
		case "":
		case "yaml", "go", "text":
			r.write(word, name, body)
		case "console":
			r.typed(body)
		default:
			r.t.Fatalf("a block of %q is neither compiled nor executed: teach TestDocs how", word)
		}
		if r.t.Failed() {
			return
		}
	}
}

func (r *reader) write(word, name, body string) {
	if name == "" {
		r.t.Fatalf("a block of %s names no file:\n%s", word, body)
	}
	body = r.page.Replace(body)
	if word == "yaml" && !strings.Contains(body, "admin:") {
		body += "admin: {listen: \"" + r.admin + "\"}\n"
	}
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		r.t.Fatal(err)
	}
	if word == "yaml" {
		if out, err := r.run("wedge check --config " + name); err != nil {
			r.t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
}

// typed types each command, and compares what it prints.
func (r *reader) typed(body string) {
	commands := strings.Split("\n"+body, "\n$ ")
	if strings.TrimSpace(commands[0]) != "" {
		r.t.Fatalf("a console begins with output:\n%s", body)
	}
	for _, c := range commands[1:] {
		command, want, _ := strings.Cut(strings.ReplaceAll(c, "\\\n", " "), "\n")
		if serve, is := strings.CutSuffix(command, " &"); is {
			r.serve(serve)
			continue
		}
		if to, is := strings.CutPrefix(command, "cd "); is {
			r.dir = filepath.Join(r.dir, to)
			continue
		}
		got, err := r.run(r.page.Replace(command))
		for end := time.Now().Add(slowMachine); strings.HasPrefix(command, "cat ") && !like(strings.TrimSpace(want), strings.TrimSpace(got)) && time.Now().Before(end); {
			<-time.After(50 * time.Millisecond) // a log is written in a while
			got, err = r.run(command)
		}
		got = r.machine.Replace(got)
		r.t.Logf("$ %s\n%s", command, got)
		if !like(strings.TrimSpace(want), strings.TrimSpace(got)) {
			r.t.Fatalf("$ %s (%v)\n%s\nwant\n%s", command, err, got, want)
		}
	}
}

// like compares texts, of which the first may say "…" for whatever comes.
func like(want, got string) bool {
	pattern := regexp.QuoteMeta(want)
	pattern = strings.ReplaceAll(pattern, "…", ".*?")
	return regexp.MustCompile(`(?s)\A` + pattern + `\z`).MatchString(got)
}

func (r *reader) run(command string) (string, error) {
	if strings.HasPrefix(command, "curl ") {
		return r.curl(strings.Fields(command)[1:])
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// curl is as much of curl as pages use, so that nobody has to install it: -s, -i, -I, -H, -b and -X.
func (r *reader) curl(args []string) (string, error) {
	method, url, head := "GET", "", false
	var fields []string
	joined := regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(strings.Join(args, " "), -1)
	for i := 0; i < len(joined); i++ {
		word := func(n int) string { return joined[n][1] + joined[n][2] }
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

// serve starts a node, in the place of one that runs, and waits until it is ready.
func (r *reader) serve(command string) {
	r.stop()
	cmd := exec.Command("sh", "-c", "exec "+r.page.Replace(command))
	cmd.Dir, cmd.Env = r.dir, r.env
	var said sharedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.node = cmd
	for end := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		if res, err := http.Get("http://" + r.admin + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == 200 {
				return
			}
		}
		if time.Now().After(end) {
			r.stop()
			r.t.Fatalf("$ %s: not ready within a minute\n%s", command, said.String())
		}
	}
}

func (r *reader) stop() {
	if r.node != nil {
		r.node.Process.Kill()
		r.node.Wait()
		r.node = nil
	}
}
