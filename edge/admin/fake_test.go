package admin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// secrets of the tokens that the tests use.
const (
	operatorSecret = "operator-secret-0123456789"
	deploySecret   = "deploy-secret-0123456789"
	purgeSecret    = "purge-secret-0123456789"
	readSecret     = "read-secret-0123456789"
	strangeSecret  = "read-secret-of-another-owner"
)

var someTokens = []Token{
	{Name: "operator", Scopes: []Scope{ScopeAdmin}, Secret: operatorSecret},
	{Name: "ci", Owner: "default", Scopes: []Scope{ScopeDeploy}, Secret: deploySecret},
	{Name: "cms", Owner: "default", Scopes: []Scope{ScopePurge}, Secret: purgeSecret},
	{Name: "graph", Owner: "default", Scopes: []Scope{ScopeRead}, Secret: readSecret},
	{Name: "guest", Owner: "another", Scopes: []Scope{ScopeRead, ScopeDeploy, ScopePurge}, Secret: strangeSecret},
}

var began = time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)

// fake is a node in memory. mu guards all.
type fake struct {
	mu        sync.Mutex
	functions map[string]*Function
	modules   map[string][]byte
	entries   map[string]Entry // by owner, store and key, each behind a NUL
	version   uint64
	purged    []string
	reloads   int
	refuse    error // what Reload answers
	unready   error
	panics    bool // Status panics
	hook      func()
}

func newFake() *fake {
	v := Version{Hash: strings.Repeat("ab", 32), Size: 3, ABI: "wedge", Hooks: []string{"on_request"}, Created: began}
	old := v
	old.Hash = strings.Repeat("cd", 32)
	return &fake{
		functions: map[string]*Function{
			"default/auth": {Owner: "default", Name: "auth", Source: Uploaded, Active: v.Hash, Past: []string{old.Hash}, Versions: []Version{v, old}, Bindings: []string{"shop"}, Canary: &Canary{Version: old.Hash, Share: "5%", Began: began}, Shadow: &Shadow{Version: old.Hash, Share: "10%", Began: began, Differences: []ShadowDifference{{"on_request: the path", 1}}},
				LastCanary: &CanaryEnding{Version: v.Hash, How: CanaryPromoted, Ended: began}},
			"default/headers": {Owner: "default", Name: "headers", Source: FromFile, Active: v.Hash},
			"another/ab":      {Owner: "another", Name: "ab", Source: Awaited},
		},
		modules: map[string][]byte{},
		entries: map[string]Entry{"default\x00redirects\x00/old": {Value: []byte("/new"), Metadata: []byte("m"), Version: 7, Expires: began.Add(time.Hour)},
			"default\x00redirects\x00\xff": {Value: []byte{0, 1}, Version: 8}},
		version: 8,
	}
}

func (f *fake) List(owner string) (list []Function) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fn := range f.functions {
		if owner == "" || fn.Owner == owner {
			list = append(list, *fn)
		}
	}
	slices.SortFunc(list, func(a, b Function) int { return strings.Compare(a.Owner+a.Name, b.Owner+b.Name) })
	return list
}

func (f *fake) Named(owner, name string) (Function, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn := f.functions[owner+"/"+name]
	if fn == nil {
		return Function{}, false
	}
	return *fn, true
}

func (f *fake) Deploy(_ context.Context, d Deploy) (Deployed, error) {
	if !bytes.HasPrefix(d.Module, []byte("\x00asm")) {
		return Deployed{}, &Error{Code: Invalid, Message: "the body is not a wasm module", Hint: "send what the compiler wrote"}
	}
	sum := sha256.Sum256(d.Module)
	v := Version{Hash: hex.EncodeToString(sum[:]), Size: len(d.Module), ABI: "wedge", Created: began, By: d.By, Message: d.Message}
	f.mu.Lock()
	defer f.mu.Unlock()
	fn := f.functions[d.Owner+"/"+d.Name]
	if fn == nil {
		fn = &Function{Owner: d.Owner, Name: d.Name, Source: Uploaded}
		f.functions[d.Owner+"/"+d.Name] = fn
	}
	fn.Versions = append([]Version{v}, fn.Versions...)
	done := Deployed{Owner: d.Owner, Name: d.Name, Version: v, Active: d.Activate, Previous: fn.Active}
	if d.Activate {
		fn.Active = v.Hash
	}
	if d.Canary != nil {
		fn.Canary = fakeCanary(v.Hash, d.Canary, d.By)
		done.Canary = fn.Canary
	}
	return done, nil
}

func (f *fake) Activate(_ context.Context, a Activate) (Deployed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn := f.functions[a.Owner+"/"+a.Name]
	owner, name := a.Owner, a.Name
	for _, v := range fn.Versions {
		if strings.HasPrefix(v.Hash, a.Version) {
			if a.Canary != nil {
				fn.Canary = fakeCanary(v.Hash, a.Canary, a.By)
				return Deployed{Owner: owner, Name: name, Version: v, Previous: fn.Active, Canary: fn.Canary}, nil
			}
			done := Deployed{Owner: owner, Name: name, Version: v, Active: true, Previous: fn.Active}
			fn.Active = v.Hash
			return done, nil
		}
	}
	return Deployed{}, &Error{Code: NotFound, Field: "version", Message: "no such version", Hint: "wedge function show lists them"}
}

func (f *fake) Rollback(ctx context.Context, owner, name string) (Deployed, error) {
	fn, _ := f.Named(owner, name)
	if len(fn.Past) == 0 {
		return Deployed{}, &Error{Code: Conflict, Message: "there is no earlier version", Hint: "deploy one"}
	}
	return f.Activate(ctx, Activate{Owner: owner, Name: name, Version: fn.Past[len(fn.Past)-1]})
}

func (f *fake) Describe(_ context.Context, owner, name, version string) (VersionDetail, error) {
	fn, _ := f.Named(owner, name)
	return VersionDetail{Version: fn.Versions[0], Runs: true, Imports: []string{"wedge.log"}, Sections: []ModuleSection{{Name: "type", Size: 3, Hash: "00"}}, Calls: []EmptyCall{{Hook: "on_request", Fuel: 7}}}, nil
}

func (f *fake) Test(_ context.Context, owner, name string, q TestRequest) (TestReport, error) {
	fn, _ := f.Named(owner, name)
	r := TestReport{Version: fn.Active}
	for _, k := range q.Cases {
		r.Cases = append(r.Cases, CaseReport{Name: k.Name, OK: true, Seconds: 0.5})
		r.Passed++
	}
	return r, nil
}

func fakeCanary(version string, q *CanaryRequest, by string) *Canary {
	return &Canary{Version: version, Share: q.Share, Header: q.Header, Cookie: q.Cookie, RollbackOn: q.RollbackOn, Began: began, By: by}
}

func (f *fake) Promote(ctx context.Context, owner, name string) (Deployed, error) {
	fn, _ := f.Named(owner, name)
	if fn.Canary == nil {
		return Deployed{}, &Error{Code: Conflict, Message: "there is no canary", Hint: "deploy one"}
	}
	return f.Activate(ctx, Activate{Owner: owner, Name: name, Version: fn.Canary.Version})
}

func (f *fake) SetDisabled(_ context.Context, owner, name string, disabled bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.functions[owner+"/"+name].Disabled = disabled
	return nil
}

func (f *fake) Delete(_ context.Context, owner, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.functions, owner+"/"+name)
	return nil
}

func (f *fake) Logs(owner, name string, cursor uint64, n int) ([]LogLine, uint64) {
	var lines []LogLine
	for i := cursor + 1; i <= 3 && len(lines) < n; i++ {
		lines = append(lines, LogLine{Number: i, Time: began, Level: "info", Message: name + " " + strconv.FormatUint(i, 10)})
		cursor = i
	}
	return lines, cursor
}

func (f *fake) Purge(_ context.Context, owner string, p PurgeRequest) (uint64, error) {
	if strings.HasPrefix(p.URL, "/") {
		return 0, &Error{Code: Invalid, Field: "url", Message: "it is not a URL", Hint: "begin it with http:// or https://"}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.purged = append(f.purged, fmt.Sprint(owner, p))
	return uint64(len(f.purged)), nil
}

func (f *fake) Stores(owner, after string, limit int) (list []Store, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int64{}
	for at := range f.entries {
		if p := strings.SplitN(at, "\x00", 3); p[0] == owner && p[1] > after {
			counts[p[1]]++
		}
	}
	for name, n := range counts {
		list = append(list, Store{name, n, n * 64})
	}
	slices.SortFunc(list, func(a, b Store) int { return strings.Compare(a.Name, b.Name) })
	return list[:min(limit, len(list))], nil
}

func at(owner, store string, key []byte) string { return owner + "\x00" + store + "\x00" + string(key) }

func (f *fake) Get(owner, store string, key []byte) (Entry, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if store == "broken" {
		return Entry{}, false, errors.New("disk of SECRET-PLACE on fire")
	}
	e, ok := f.entries[at(owner, store, key)]
	return e, ok, nil
}

func (f *fake) condition(e Entry, ok bool, ifVersion uint64, ifAbsent bool) error {
	if ifVersion != 0 && e.Version != ifVersion || ifAbsent && ok {
		return &Error{Code: PreconditionFailed, Message: fmt.Sprintf("the entry is at version %d", e.Version), Hint: "read again and decide anew"}
	}
	return nil
}

func (f *fake) Put(_ context.Context, owner, store string, key []byte, p Put) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.entries[at(owner, store, key)]
	if err := f.condition(e, ok, p.IfVersion, p.IfAbsent); err != nil {
		return 0, err
	}
	f.version++
	e = Entry{Value: p.Value, Metadata: p.Metadata, Version: f.version}
	if p.TTL > 0 {
		e.Expires = began.Add(p.TTL)
	}
	f.entries[at(owner, store, key)] = e
	return f.version, nil
}

func (f *fake) deleteEntry(owner, store string, key []byte, ifVersion uint64) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.entries[at(owner, store, key)]
	if err := f.condition(e, ok, ifVersion, false); err != nil {
		return false, err
	}
	delete(f.entries, at(owner, store, key))
	return ok, nil
}

func (f *fake) listEntries(owner, store string, prefix []byte, cursor string, limit int) (list []Listed, next string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, e := range f.entries {
		p := strings.SplitN(k, "\x00", 3)
		if p[0] == owner && p[1] == store && strings.HasPrefix(p[2], string(prefix)) && p[2] > cursor {
			list = append(list, Listed{Key: []byte(p[2]), Metadata: e.Metadata, Size: len(e.Value), Version: e.Version, Expires: e.Expires})
		}
	}
	slices.SortFunc(list, func(a, b Listed) int { return bytes.Compare(a.Key, b.Key) })
	if len(list) > limit {
		list, next = list[:limit], string(list[limit-1].Key)
	}
	return list, next, nil
}

func (f *fake) Add(_ context.Context, owner, store string, key []byte, delta int64, ttl time.Duration) (int64, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.entries[at(owner, store, key)]
	n, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil && len(e.Value) > 0 {
		return 0, 0, &Error{Code: Invalid, Message: "the value is not a number", Hint: "put one first"}
	}
	f.version++
	f.entries[at(owner, store, key)] = Entry{Value: strconv.AppendInt(nil, n+delta, 10), Version: f.version}
	return n + delta, f.version, nil
}

func (f *fake) Drop(_ context.Context, owner, store string) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.entries {
		if strings.HasPrefix(k, owner+"\x00"+store+"\x00") {
			delete(f.entries, k)
			n++
		}
	}
	return n, nil
}

func (f *fake) Import(ctx context.Context, owner, store string, r io.Reader) (done Imported, err error) {
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		var l struct{ Key, Value string }
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return done, &Error{Code: Invalid, Field: fmt.Sprint("line ", n), Message: "it is not an entry", Hint: "mend the line and import the file again"}
		}
		f.Put(ctx, owner, store, []byte(l.Key), Put{Value: []byte(l.Value)})
		done.Written++
	}
	return done, in.Err()
}

func (f *fake) Export(_ context.Context, owner, store string, w io.Writer) (int, error) {
	if store == "broken" {
		return 0, errors.New("disk of SECRET-PLACE on fire")
	}
	list, _, _ := f.listEntries(owner, store, nil, "", 1<<30)
	for i, l := range list {
		if store == "cut" && i == 1 {
			return i, errors.New("disk of SECRET-PLACE on fire")
		}
		if _, err := fmt.Fprintf(w, "{\"key\":%q}\n", l.Key); err != nil {
			return i, err
		}
	}
	return len(list), nil
}

func (f *fake) Show() []byte { return []byte("memory: 1GiB\n") }

func (f *fake) Check(text []byte) ([]Change, error) {
	if bytes.Contains(text, []byte("bad")) {
		return nil, &Error{Code: Invalid, Message: "the configuration has 1 problem", Hint: "mend it", Problems: []Problem{{File: "wedge.yaml", Line: 1, Column: 1, Message: "no such field", Hint: "did you mean"}}}
	}
	return []Change{{Path: "listen.http", Kind: "changed", Old: ":1", New: ":2", Restart: true}, {Path: "drain", Kind: "changed", Old: "1s", New: "2s"}}, nil
}

func (f *fake) Reload(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hook != nil {
		f.hook()
	}
	f.reloads++
	return f.refuse
}

func (f *fake) Status(owner string) Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("a bug with SECRET-PLACE")
	}
	return Status{Version: "1.2.3", Started: began.Add(-90 * time.Second), Sites: []Site{{Owner: "default", Name: "shop", Routes: 2}}, Cache: CacheStatus{Objects: 3}}
}

func (f *fake) Ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unready
}

// fakeKV gives the stores their methods; List and Delete are the functions' on fake itself.
type fakeKV struct{ *fake }

func (f fakeKV) List(owner, store string, prefix []byte, cursor string, limit int) ([]Listed, string, error) {
	return f.listEntries(owner, store, prefix, cursor, limit)
}
func (f fakeKV) Delete(_ context.Context, owner, store string, key []byte, v uint64) (bool, error) {
	return f.deleteEntry(owner, store, key, v)
}

// stage is a server on a fake node.
type stage struct {
	*Server
	node *fake
	dir  string

	// mu guards what events told.
	mu      sync.Mutex
	served  []Served
	refused []string
	failed  []string
	bugs    []string
	audits  []error
}

// start makes a server; change may alter its options.
func start(t testing.TB, change func(*Options)) *stage {
	t.Helper()
	st := &stage{node: newFake(), dir: t.TempDir()}
	f := st.node
	note := func(do func()) {
		st.mu.Lock()
		defer st.mu.Unlock()
		do()
	}
	o := Options{
		Functions: f, Cache: fakeCache{f}, KV: fakeKV{f}, Config: f, Health: f, Records: f,
		Metrics:    http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "wedge_up 1\n") }),
		Tokens:     someTokens,
		Loopback:   true,
		ConfigFile: filepath.Join(st.dir, "wedge.yaml"),
		AuditFile:  filepath.Join(st.dir, "audit.log"),
		MaxModule:  1 << 10, MaxValue: 256, MaxImport: 512,
		Now: func() time.Time { return began },
		Events: Events{
			Served:  func(s Served) { note(func() { st.served = append(st.served, s) }) },
			Refused: func(peer, why string) { note(func() { st.refused = append(st.refused, peer+" "+why) }) },
			Failed:  func(_, op string, err error) { note(func() { st.failed = append(st.failed, op+": "+err.Error()) }) },
			Bug: func(_, op string, v any, _ []byte) {
				note(func() { st.bugs = append(st.bugs, fmt.Sprint(op, ": ", v)) })
			},
			AuditFailed: func(err error) { note(func() { st.audits = append(st.audits, err) }) },
		},
	}
	if err := os.WriteFile(o.ConfigFile, []byte("memory: 1GiB\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&o)
	}
	var err error
	if st.Server, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// request makes a request as a token's bearer; fields are "Name: value".
func request(secret, method, target, body string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.Host, r.RemoteAddr = "127.0.0.1:9070", "127.0.0.1:40000"
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	return r
}

// do serves a request.
func (st *stage) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	st.ServeHTTP(w, r)
	return w
}

// records reads the audit log.
func (st *stage) records(t testing.TB) []record {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(st.dir, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	var all []record
	for line := range strings.Lines(string(b)) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("audit line %q: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}

// read returns a file's text, "" if there is none.
func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// fakeCache is the cache of a fake: one response.
type fakeCache struct{ *fake }

func (fakeCache) Show(_ context.Context, owner string, q ShowRequest) (Shown, error) {
	if q.URL != "http://shop.example/a" {
		return Shown{}, &Error{Code: NotFound, Field: "url", Message: "no site has this host", Hint: "wedge status lists sites"}
	}
	return Shown{Owner: owner, Site: "shop", Method: "GET", URL: q.URL, Outcome: "hit", Key: "00ff", Parts: []KeyPart{{Kind: "path", Value: "/a"}},
		Stored: &Stored{Status: 200, Length: 4, URL: q.URL, Received: began, Lifetime: 60, TTL: 60}}, nil
}

func (fakeCache) Warm(_ context.Context, _ string, q WarmRequest) (list []Warmed, err error) {
	for _, u := range q.URLs {
		w := Warmed{URL: u, Status: 200, Outcome: "miss", Stored: true, Bytes: 4}
		if u != "http://shop.example/a" {
			w = Warmed{URL: u, Error: "no site has this host"}
		}
		list = append(list, w)
	}
	return list, nil
}

func (fakeCache) Push(_ context.Context, _ string, p Push) error {
	if p.URL != "http://shop.example/a" {
		return &Error{Code: NotFound, Field: "url", Message: "no site has this host", Hint: "wedge status lists sites"}
	}
	if len(p.Fields) > 0 && p.Fields[0].Value == "private" {
		return &Error{Code: Conflict, Message: "the response is not stored: private", Hint: "give it a lifetime"}
	}
	_, err := io.Copy(io.Discard, p.Body)
	return err
}

func (fakeCache) Debug(owner string, _ time.Time) (string, error) {
	if owner == "nobody" {
		return "", &Error{Code: NotFound, Field: "owner", Message: "no site belongs to nobody", Hint: "name another"}
	}
	return "token of " + owner, nil
}

// Record writes what it was asked.
func (f *fake) Record(_ context.Context, owner string, q RecordRequest, w io.Writer) (int, error) {
	if q.Site == "nowhere" {
		return 0, &Error{Code: NotFound, Field: "site", Message: "there is no such site", Hint: "name another"}
	}
	_, err := fmt.Fprintf(w, "{%q:%q}\n", owner, fmt.Sprint(q.Site, q.Match, q.Count, time.Duration(q.For)))
	return 1, err
}
