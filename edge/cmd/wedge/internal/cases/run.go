package cases

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
	"github.com/wedgecdn/wedge/hostapi/cost"
)

// Options are what a run needs beside the conversation.
type Options struct {
	Name   string
	Module []byte
	// Compiler is that of node.Options.
	Compiler func(ctx context.Context, wasmPath, cacheDir string) error
	// Recording gets what the function did, as wedge record writes it down; nil records nothing. Of more than a thousand requests the first are recorded.
	Recording io.Writer
	// CompileCache is that of node.Options.
	CompileCache string
}

// maxBody bounds what is read of a response, maxTold what a conversation may become by all that came.
const (
	maxBody = 16 << 20
	maxTold = 64 << 20
)

// Run makes a node, asks it what the conversation asks, and returns the conversation as it went.
func (c *Conversation) Run(ctx context.Context, o Options) (_ *Conversation, err error) {
	dir, err := os.MkdirTemp("", "wedge-cases-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := run{c: c, o: o, dir: dir, held: map[string]string{}, clock: clock{now: dawn}}
	for _, s := range c.sections { // what is given is given when the first request comes
		if s.name == "request" {
			break
		}
		if isTime(s.name) {
			r.tick(s.name)
		}
	}
	if err := r.openOrigin(); err != nil {
		return nil, err
	}
	defer r.server.Close()
	if err := r.openNode(); err != nil {
		return nil, err
	}
	recorded := make(chan error, 1)
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, r.node.Shutdown(stop))
		if o.Recording != nil && r.records != nil {
			err = errors.Join(err, <-recorded)
			r.records.Close()
		}
	}()
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	if err := r.seed(ctx); err != nil {
		return nil, err
	}
	if o.Recording != nil {
		if r.records, err = r.client.Record(ctx, "", admin.RecordRequest{Count: 1000, For: admin.Duration(time.Hour)}); err != nil {
			return nil, err
		}
		go func() {
			_, err := io.Copy(o.Recording, r.records)
			recorded <- err
		}()
	}
	went, size := &Conversation{about: c.about}, 0
	for i, s := range c.sections {
		if isWritten(s.name) {
			continue
		}
		went.sections = append(went.sections, s)
		switch {
		case isTime(s.name) && r.began:
			r.tick(s.name)
		case s.name == "origin":
			a, err := readAnswer(s.text)
			if err != nil {
				return nil, err
			}
			r.setAnswer(a)
		case s.name == "request":
			r.began = true
			made, err := r.exchange(ctx, s.text, c.askedOf(i))
			if err != nil {
				return nil, fmt.Errorf("the request in line %d: %w", s.line, err)
			}
			for _, m := range made {
				size += len(m.text)
			}
			if size > maxTold {
				return nil, fmt.Errorf("the request in line %d: what came so far has more than %d MiB: ask for less, or in several files", s.line, maxTold>>20)
			}
			went.sections = append(went.sections, made...)
		}
	}
	return went, nil
}

// askedOf names the sections that the request at i is to fill although they are not made by themselves.
func (c *Conversation) askedOf(i int) (names []string) {
	for _, s := range c.sections[i+1:] {
		switch {
		case s.name == "request":
			return names
		case isAsked(s.name):
			names = append(names, s.name)
		}
	}
	return names
}

type run struct {
	c      *Conversation
	o      Options
	dir    string
	server *http.Server
	origin string
	node   *node.Node
	client *client.Client
	cursor uint64 // of the log
	// records are what the node writes down.
	records io.ReadCloser
	clock   clock
	told    told
	began   bool              // there was a request
	held    map[string]string // of stores: what they held when they were last looked at

	mu     sync.Mutex // guards what the origin's goroutines and this one share
	answer answer
	asked  []string
}

func (r *run) setAnswer(a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = a
}

// usual is how an origin answers of which nothing is said.
var usual = answer{message{fields: []field{{"Content-Type", "text/plain"}}, body: "from the origin"}, 200}

// tick sets the clock as a section says that has been checked.
func (r *run) tick(section string) {
	now, _ := timeAfter(r.clock.read(), section, false)
	r.clock.set(now)
}

// untold are fields of a request to the origin that are the node's, or the same for all.
var untold = regexp.MustCompile(`(?i)^(Via|CDN-Loop|X-Request-Id|X-Forwarded-.*|Forwarded|Traceparent|Tracestate|Accept-Encoding|Connection|User-Agent: Go-http-client)$`)

func (r *run) openOrigin() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.origin, r.answer = ln.Addr().String(), usual
	r.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(q.Body, maxBody))
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s%s\n", q.Method, q.Host, q.URL.RequestURI())
		var names []string
		for name := range q.Header {
			if !untold.MatchString(name) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			for _, v := range q.Header[name] {
				fmt.Fprintf(&b, "%s: %s\n", name, v)
			}
		}
		b.WriteString(bodyText(body))
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, b.String())
		// Else the machine's time would stand there.
		w.Header().Set("Date", r.clock.read().Format(http.TimeFormat))
		for _, f := range r.answer.fields {
			if strings.EqualFold(f.name, "Date") {
				w.Header().Del("Date")
			}
			w.Header().Add(f.name, f.value)
		}
		w.WriteHeader(r.answer.status)
		io.WriteString(w, r.answer.body)
	})}
	go r.server.Serve(ln)
	return nil
}

func bodyText(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	return "\n" + strings.TrimSuffix(string(body), "\n") + "\n"
}

func (r *run) openNode() error {
	if err := os.WriteFile(filepath.Join(r.dir, "function.wasm"), r.o.Module, 0o600); err != nil {
		return err
	}
	settings, secrets, stores, hosts := map[string]string{}, map[string]map[string]string{}, []string{}, []string{}
	local := &node.Local{Now: r.clock.read, Called: r.told.called, Looked: r.told.looked, Counted: r.told.counted}
	for _, s := range r.c.sections {
		list, _ := pairs(s.text)
		switch store := storeOf(s.name); {
		case store != "":
			stores = append(stores, store)
		case s.name == "counters":
			local.Counters, _ = readCounters(s.text)
		case s.name == "config":
			for _, f := range list {
				settings[f.name] = f.value
			}
		case s.name == "secrets":
			for i, f := range list {
				file := fmt.Sprintf("secret-%d", i)
				if err := os.WriteFile(filepath.Join(r.dir, file), []byte(f.value), 0o600); err != nil {
					return err
				}
				secrets[f.name] = map[string]string{"file": file}
			}
		case s.name == "request":
			q, err := readRequest(s.text)
			if err != nil {
				return err
			}
			if host := strings.ToLower(q.url.Hostname()); !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	// JSON is YAML.
	bound := "functions"
	var binding any = []string{r.o.Name}
	if handler, err := cost.Handler(r.o.Module); err == nil && handler { // else the node says what is wrong
		bound, binding = "handler", r.o.Name
	}
	function := map[string]any{"name": r.o.Name, "module": "function.wasm", "config": settings, "kv": stores, "fetch": []string{"origin"}, "limits": map[string]string{"cpu": "10s", "wall": "30s"}}
	if len(secrets) > 0 {
		function["secrets"] = secrets
	}
	text, err := json.Marshal(map[string]any{
		"listen": map[string]string{"http": "127.0.0.1:0"}, "admin": map[string]string{"listen": "127.0.0.1:0"}, "data": "data", "memory": "512MiB",
		"cache": map[string]string{"memory": "32MiB"}, "trusted_proxies": []string{"127.0.0.1/32"}, "access_log": map[string]string{"file": "access.log"},
		"functions": []any{function},
		"origins":   []any{map[string]any{"name": "origin", "servers": []any{map[string]string{"url": "http://" + r.origin}}}},
		"sites":     []any{map[string]any{"name": "site", "hosts": hosts, "origin": "origin", bound: binding}},
	})
	if err != nil {
		return err
	}
	file := filepath.Join(r.dir, "wedge.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return fmt.Errorf("what the conversation gives the function is no configuration: %w", err)
	}
	if r.node, err = node.New(cfg, node.Options{Version: "cases", ConfigFile: file, Compiler: r.o.Compiler, CompileCache: r.o.CompileCache, Local: local}); err != nil {
		return err
	}
	if err := r.node.Start(); err != nil {
		return err
	}
	r.client = client.New(client.Options{Base: "http://" + r.node.AdminAddr(), Agent: "wedge/cases"})
	return nil
}

// ready waits until the function is compiled: JavaScript's engine takes half a minute on a machine that is busy, for which no request waits.
func (r *run) ready(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		q, err := http.NewRequestWithContext(ctx, "GET", "http://"+r.node.AdminAddr()+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(q)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// seed puts into the stores what they hold at the beginning.
func (r *run) seed(ctx context.Context) error {
	for _, s := range r.c.sections {
		store := storeOf(s.name)
		if store == "" {
			continue
		}
		list, err := pairs(s.text)
		if err != nil {
			return err
		}
		for _, f := range list {
			if _, err := r.client.PutValue(ctx, "", store, f.name, client.Write{Body: strings.NewReader(f.value), Size: int64(len(f.value))}); err != nil {
				return err
			}
		}
		if r.held[store], err = r.storeText(ctx, store); err != nil {
			return err
		}
	}
	return nil
}

// exchange asks the node, and returns the sections that tell what came of it, with those that are asked for.
func (r *run) exchange(ctx context.Context, text string, asked []string) (made []section, err error) {
	r.told.forget()
	q, err := readRequest(text)
	if err != nil {
		return nil, err
	}
	response, err := r.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	made = append(made, section{name: "response", text: response})
	r.node.Settle()
	r.mu.Lock()
	got := r.asked
	r.asked = nil
	slices.Sort(got) // a function may ask several at once, which come in any order
	r.mu.Unlock()
	for _, a := range got {
		// Requests of the function's own name the origin by its address.
		made = append(made, section{name: "origin got", text: strings.ReplaceAll(a, r.origin, "origin")})
	}
	page, err := r.client.Logs(ctx, "", r.o.Name, r.cursor, 1000)
	if err != nil {
		return nil, err
	}
	r.cursor = page.V.Cursor
	var lines strings.Builder
	for _, l := range page.V.Lines {
		fmt.Fprintf(&lines, "%s: %s\n", l.Level, l.Message)
	}
	if lines.Len() > 0 {
		made = append(made, section{name: "log", text: lines.String()})
	}
	changed, err := r.stores(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Concat(made, changed, r.told.sections(asked)), nil
}

var (
	// changing are fields of a response that differ from run to run.
	changing = regexp.MustCompile(`(?i)^(Date|X-Request-Id|Via|Connection|Traceparent):`)
	hashed   = regexp.MustCompile(`; key=\S+`)
	nodeName = regexp.MustCompile(`(?i)^(Cache-Status: wedge)-[0-9a-f]+`)
)

// ask sends a request as bytes and returns the response as they came, without what changes.
func (r *run) ask(ctx context.Context, q request) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.node.Addr())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-Proto: %s\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n", q.method, q.url.RequestURI(), q.url.Host, q.url.Scheme)
	for _, f := range q.fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
	}
	if q.body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.body))
	}
	b.WriteString("\r\n" + q.body)
	if _, err := conn.Write(b.Bytes()); err != nil {
		return "", err
	}
	var head strings.Builder // as it came: http.ReadResponse forgets the order
	reader := bufio.NewReader(conn)
	raw := new(bytes.Buffer)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("the node's answer ends in its head: %w", err)
		}
		raw.WriteString(line)
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			break
		}
		if !changing.MatchString(line) {
			head.WriteString(nodeName.ReplaceAllString(hashed.ReplaceAllString(line, ""), "$1") + "\n")
		}
	}
	res, err := http.ReadResponse(bufio.NewReader(io.MultiReader(raw, reader)), &http.Request{Method: q.method})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		head.WriteString("the body ends before its end\n")
	}
	io.Copy(io.Discard, reader) // until the node closes, when the exchange is over and all of it has been told
	return head.String() + bodyText(body), nil
}
