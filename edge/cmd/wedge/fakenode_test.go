package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/config"
)

// fakeTime is when everything on a fake node happened.
var fakeTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A fakeNode is what the real operators' API stands on in the scripts: functions, stores and purges in memory, and a
// configuration in a file. mu guards all of it.
type fakeNode struct {
	mu        sync.Mutex
	functions map[string]*admin.Function // by name; all of one owner
	logs      []admin.LogLine            // of every function
	stores    map[string]map[string]admin.Entry
	newest    uint64 // version of the entry written last
	purges    uint64
	file      string
	running   *config.Config
	draining  bool
}

func (n *fakeNode) lock() func() { n.mu.Lock(); return n.mu.Unlock }

// The functions.

func (n *fakeNode) List(owner string) (list []admin.Function) {
	defer n.lock()()
	for _, name := range slices.Sorted(maps.Keys(n.functions)) {
		if f := n.functions[name]; owner == "" || owner == f.Owner {
			list = append(list, *f)
		}
	}
	return list
}

func (n *fakeNode) Named(owner, name string) (admin.Function, bool) {
	defer n.lock()()
	f, ok := n.functions[name]
	if !ok || f.Owner != owner {
		return admin.Function{}, false
	}
	return *f, true
}

func (n *fakeNode) Deploy(_ context.Context, d admin.Deploy) (admin.Deployed, error) {
	if !bytes.HasPrefix(d.Module, []byte("(module")) && !bytes.HasPrefix(d.Module, []byte("\x00asm")) { // text, so that it can stand in a script, or what a script has built
		return admin.Deployed{}, &admin.Error{Code: admin.Invalid, Message: "this is no WebAssembly module", Hint: "build it with GOOS=wasip1 GOARCH=wasm"}
	}
	defer n.lock()()
	f := n.functions[d.Name]
	if f == nil {
		f = &admin.Function{Owner: d.Owner, Name: d.Name, Source: admin.Uploaded}
		n.functions[d.Name] = f
	}
	sum := sha256.Sum256(d.Module)
	v := admin.Version{Hash: hex.EncodeToString(sum[:]), Size: len(d.Module), ABI: "wedge", Hooks: []string{"on_request"}, Created: fakeTime, By: d.By, Message: d.Message}
	f.Versions = append([]admin.Version{v}, slices.DeleteFunc(f.Versions, func(o admin.Version) bool { return o.Hash == v.Hash })...)
	if d.Activate {
		return runNow(f, v), nil
	}
	if d.Shadow != "" {
		f.Shadow = &admin.Shadow{Version: v.Hash, Share: d.Shadow, Began: fakeTime, Exchanges: 100, Different: 2, Failed: 1, Asked: 3, FuelServed: 500, Fuel: 510, Differences: []admin.ShadowDifference{{What: "on_response: field x-a of the response", Count: 2}, {What: "on_request: the path", Count: 1}}}
		return admin.Deployed{Owner: f.Owner, Name: f.Name, Version: v, Previous: f.Active, Shadow: f.Shadow}, nil
	}
	if d.Canary != nil {
		return tryNow(f, v, d.Canary, d.By)
	}
	return admin.Deployed{Owner: f.Owner, Name: f.Name, Version: v, Active: f.Active == v.Hash, Previous: f.Active}, nil
}

// runNow makes a version of f the one that runs.
func runNow(f *admin.Function, v admin.Version) admin.Deployed {
	d := admin.Deployed{Owner: f.Owner, Name: f.Name, Version: v, Active: true, Previous: f.Active}
	if f.Active != "" && f.Active != v.Hash {
		f.Past = append(f.Past, f.Active)
	}
	f.Active, f.Canary = v.Hash, nil
	return d
}

// tryNow makes a version the canary of f. One whose message is "bad" is rolled back at once, any other holds.
func tryNow(f *admin.Function, v admin.Version, q *admin.CanaryRequest, by string) (admin.Deployed, error) {
	if f.Active == "" {
		return admin.Deployed{}, &admin.Error{Code: admin.Conflict, Message: "function " + f.Name + " runs no version beside which another could be tried", Hint: "deploy one for everybody first"}
	}
	d := admin.Deployed{Owner: f.Owner, Name: f.Name, Version: v, Previous: f.Active}
	d.Canary = &admin.Canary{Version: v.Hash, Share: q.Share, Header: q.Header, Cookie: q.Cookie, RollbackOn: q.RollbackOn, Began: fakeTime, By: by, Calls: 120, Held: true}
	f.Canary = d.Canary
	if q.RollbackOn != "" {
		f.Canary.Budget = []admin.CanaryRule{{Rule: q.RollbackOn, Calls: 120}}
	}
	if v.Message == "bad" {
		f.Canary = nil
		f.LastCanary = &admin.CanaryEnding{Version: v.Hash, How: admin.CanaryRolledBack, Why: "3 of 120 calls within 1m0s (2.5%) failed: the budget is errors 1%", Ended: fakeTime}
	}
	return d, nil
}

func (n *fakeNode) Describe(_ context.Context, _, name, version string) (admin.VersionDetail, error) {
	defer n.lock()()
	f := n.functions[name]
	for i, v := range f.Versions {
		if strings.HasPrefix(v.Hash, version) {
			d := admin.VersionDetail{Version: v, Runs: v.Hash == f.Active, Memory: 65536, Imports: []string{"wedge.log"}, Exports: []string{"memory"},
				Sections: []admin.ModuleSection{{Name: "code", Size: 10, Hash: v.Hash[:12]}, {Name: "producers", Size: 5, Hash: "aa", Custom: true}}, Calls: []admin.EmptyCall{{Hook: "on_request", Fuel: int64(100 + i)}}}
			if i == 0 {
				d.Version.Hooks = []string{"on_fetch", "on_request"}
				d.Imports = append(d.Imports, "wedge.random")
				d.Calls = append(d.Calls, admin.EmptyCall{Hook: "on_fetch", Failed: "function-trap"})
			}
			return d, nil
		}
	}
	return admin.VersionDetail{}, &admin.Error{Code: admin.NotFound, Field: "version", Message: fmt.Sprintf("function %s has no version %s", name, version), Hint: "wedge function show " + name + " lists its versions"}
}

func (n *fakeNode) Test(_ context.Context, _, name string, q admin.TestRequest) (r admin.TestReport, err error) {
	defer n.lock()()
	r.Version = n.functions[name].Versions[0].Hash
	for _, k := range q.Cases {
		report := admin.CaseReport{Name: k.Name, OK: !strings.Contains(k.Text, "bad")}
		if r.Passed++; !report.OK {
			r.Passed--
			r.Failed++
			report.Difference = "-X-A: good\n+X-A: bad\n"
		}
		r.Cases = append(r.Cases, report)
	}
	return r, nil
}

func (n *fakeNode) Promote(_ context.Context, _, name string) (admin.Deployed, error) {
	defer n.lock()()
	f := n.functions[name]
	for _, v := range f.Versions {
		if f.Canary != nil && v.Hash == f.Canary.Version {
			f.LastCanary = &admin.CanaryEnding{Version: v.Hash, How: admin.CanaryPromoted, Ended: fakeTime}
			return runNow(f, v), nil
		}
	}
	return admin.Deployed{}, &admin.Error{Code: admin.Conflict, Message: "function " + name + " has no canary", Hint: "wedge function deploy with --canary begins one"}
}

func (n *fakeNode) Activate(_ context.Context, a admin.Activate) (admin.Deployed, error) {
	defer n.lock()()
	name, version := a.Name, a.Version
	f := n.functions[name]
	for _, v := range f.Versions {
		if strings.HasPrefix(v.Hash, version) {
			if a.Canary != nil {
				return tryNow(f, v, a.Canary, a.By)
			}
			return runNow(f, v), nil
		}
	}
	return admin.Deployed{}, &admin.Error{Code: admin.NotFound, Field: "version", Message: fmt.Sprintf("function %s has no version %s", name, version), Hint: "wedge function show " + name + " lists its versions"}
}

func (n *fakeNode) Rollback(_ context.Context, _, name string) (admin.Deployed, error) {
	defer n.lock()()
	f := n.functions[name]
	if f.Canary != nil || f.Shadow != nil {
		d := admin.Deployed{Owner: f.Owner, Name: name, Active: true, Previous: f.Active, Version: activeOf(*f)}
		if f.Shadow = nil; f.Canary == nil {
			return d, nil
		}
		f.LastCanary = &admin.CanaryEnding{Version: f.Canary.Version, How: admin.CanaryGivenUp, Ended: fakeTime}
		f.Canary = nil
		return d, nil
	}
	if len(f.Past) == 0 {
		return admin.Deployed{}, &admin.Error{Code: admin.Conflict, Field: "name", Message: fmt.Sprintf("no version of function %s ran before this one", name), Hint: "wedge function activate runs any version that is kept"}
	}
	hash := f.Past[len(f.Past)-1]
	f.Past = f.Past[:len(f.Past)-1]
	d := admin.Deployed{Owner: f.Owner, Name: name, Active: true, Previous: f.Active}
	f.Active = hash
	d.Version = activeOf(*f)
	return d, nil
}

func (n *fakeNode) SetDisabled(_ context.Context, _, name string, disabled bool) error {
	defer n.lock()()
	n.functions[name].Disabled = disabled
	return nil
}

func (n *fakeNode) Delete(_ context.Context, _, name string) error {
	defer n.lock()()
	delete(n.functions, name)
	return nil
}

func (n *fakeNode) Logs(_, name string, cursor uint64, most int) ([]admin.LogLine, uint64) {
	defer n.lock()()
	begin := int(cursor)
	if cursor == 0 {
		begin = max(0, len(n.logs)-most)
	}
	end := min(len(n.logs), begin+most)
	return slices.Clone(n.logs[begin:end]), uint64(end)
}

// A fakeCache numbers the purges of a node, and has one response stored.
type fakeCache struct{ *fakeNode }

func (n fakeCache) Purge(_ context.Context, _ string, p admin.PurgeRequest) (uint64, error) {
	defer n.lock()()
	if p.URL != "" && !strings.HasPrefix(p.URL, "http") {
		return 0, &admin.Error{Code: admin.Invalid, Field: "url", Message: fmt.Sprintf("%q is no URL", p.URL), Hint: "write it with scheme and host, as in https://shop.example/page"}
	}
	n.purges++
	return n.purges, nil
}

// A fakeKV is the stores of a node, which do not forget what has expired.
type fakeKV struct{ *fakeNode }

func (n fakeKV) Stores(_, after string, limit int) (list []admin.Store, err error) {
	defer n.lock()()
	for _, name := range slices.Sorted(maps.Keys(n.stores)) {
		if name > after && len(list) < limit {
			s := admin.Store{Name: name}
			for k, e := range n.stores[name] {
				s.Entries++
				s.Bytes += int64(len(k) + len(e.Value))
			}
			list = append(list, s)
		}
	}
	return list, nil
}

func (n fakeKV) Get(_, store string, key []byte) (admin.Entry, bool, error) {
	defer n.lock()()
	e, ok := n.stores[store][string(key)]
	return e, ok, nil
}

func conflict(now uint64) error {
	return &admin.Error{Code: admin.PreconditionFailed, Message: fmt.Sprintf("the entry is at version %d", now), Hint: "read it again"}
}

func (n fakeKV) Put(_ context.Context, _, store string, key []byte, p admin.Put) (uint64, error) {
	defer n.lock()()
	old, ok := n.stores[store][string(key)]
	if p.IfAbsent && ok || p.IfVersion != 0 && p.IfVersion != old.Version {
		return 0, conflict(old.Version)
	}
	e := admin.Entry{Value: p.Value, Metadata: p.Metadata}
	if p.TTL > 0 {
		e.Expires = fakeTime.Add(p.TTL)
	}
	return n.set(store, string(key), e), nil
}

// set writes an entry. Preconditions: mu is held.
func (n *fakeNode) set(store, key string, e admin.Entry) uint64 {
	if n.stores[store] == nil {
		n.stores[store] = map[string]admin.Entry{}
	}
	n.newest++
	e.Version = n.newest
	n.stores[store][key] = e
	return e.Version
}

func (n fakeKV) Delete(_ context.Context, _, store string, key []byte, ifVersion uint64) (bool, error) {
	defer n.lock()()
	e, ok := n.stores[store][string(key)]
	if ifVersion != 0 && ifVersion != e.Version {
		return false, conflict(e.Version)
	}
	delete(n.stores[store], string(key))
	return ok, nil
}

// List pages by three, so that a list of a few keys has several pages.
func (n fakeKV) List(_, store string, prefix []byte, cursor string, limit int) (list []admin.Listed, next string, err error) {
	defer n.lock()()
	for _, k := range slices.Sorted(maps.Keys(n.stores[store])) {
		if k <= cursor || !strings.HasPrefix(k, string(prefix)) {
			continue
		}
		if len(list) == min(limit, 3) {
			return list, string(list[len(list)-1].Key), nil
		}
		e := n.stores[store][k]
		list = append(list, admin.Listed{Key: []byte(k), Metadata: e.Metadata, Size: len(e.Value), Version: e.Version, Expires: e.Expires})
	}
	return list, "", nil
}

func (n fakeKV) Add(_ context.Context, _, store string, key []byte, delta int64, ttl time.Duration) (int64, uint64, error) {
	defer n.lock()()
	e := n.stores[store][string(key)]
	sum, err := strconv.ParseInt("0"+string(e.Value), 10, 64)
	if err != nil {
		return 0, 0, &admin.Error{Code: admin.Invalid, Message: "the value is no number", Hint: "only decimal integers can be added to"}
	}
	sum += delta
	if e.Value == nil && ttl > 0 {
		e.Expires = fakeTime.Add(ttl)
	}
	e.Value = strconv.AppendInt(nil, sum, 10)
	return sum, n.set(store, string(key), e), nil
}

func (n fakeKV) Drop(_ context.Context, _, store string) (int, error) {
	defer n.lock()()
	removed := len(n.stores[store])
	delete(n.stores, store)
	return removed, nil
}

type fakeLine struct{ Key, Value string }

func (n fakeKV) Import(_ context.Context, _, store string, r io.Reader) (done admin.Imported, err error) {
	s := bufio.NewScanner(r)
	for i := 1; s.Scan(); i++ {
		var l fakeLine
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			return done, &admin.Error{Code: admin.Invalid, Field: "line " + strconv.Itoa(i), Message: "this is no JSON object", Hint: "mend the line and import the whole file again"}
		}
		unlock := n.lock()
		if e, ok := n.stores[store][l.Key]; ok && string(e.Value) == l.Value {
			done.Unchanged++
		} else {
			n.set(store, l.Key, admin.Entry{Value: []byte(l.Value)})
			done.Written++
		}
		unlock()
	}
	return done, s.Err()
}

// Export of the store "broken" ends in the middle of a line.
func (n fakeKV) Export(_ context.Context, _, store string, w io.Writer) (int, error) {
	defer n.lock()()
	keys := slices.Sorted(maps.Keys(n.stores[store]))
	for _, k := range keys {
		b, err := json.Marshal(fakeLine{k, string(n.stores[store][k].Value)})
		if err != nil {
			return 0, err
		}
		if store == "broken" {
			w.Write(bytes.Repeat(b[:len(b)-1], 1000))
			return 0, errors.New("the disk is gone")
		}
		if _, err := w.Write(append(b, '\n')); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// A fakeConfig is the configuration of a node, read by the real reader.
// fakeRecords has an exchange that says nothing.
type fakeRecords struct{}

func (fakeRecords) Record(_ context.Context, _ string, q admin.RecordRequest, w io.Writer) (int, error) {
	if q.Site == "nowhere" {
		return 0, &admin.Error{Code: admin.NotFound, Message: "there is no site nowhere", Hint: "wedge status lists them"}
	}
	_, err := io.WriteString(w, "{}\n")
	return 1, err
}

type fakeConfig struct{ *fakeNode }

func (n fakeConfig) Show() []byte {
	defer n.lock()()
	return config.Show(n.running)
}

func (n fakeConfig) Check(text []byte) ([]admin.Change, error) {
	c, err := config.Parse(n.file, text)
	if problems := (config.Errors{}); errors.As(err, &problems) {
		e := &admin.Error{Code: admin.Invalid, Message: "the configuration is wrong", Hint: "nothing was changed"}
		for _, p := range problems {
			e.Problems = append(e.Problems, admin.Problem{File: "wedge.yaml", Line: p.Line, Column: p.Column, Message: p.Message, Hint: p.Hint, Snippet: p.Snippet})
		}
		return nil, e
	}
	defer n.lock()()
	var list []admin.Change
	for _, ch := range config.Diff(n.running, c) {
		list = append(list, admin.Change{Path: ch.Path, Kind: string(ch.Kind), Old: ch.Old, New: ch.New, Restart: ch.Restart})
	}
	return list, nil
}

func (n fakeConfig) Reload(context.Context) error {
	text, err := os.ReadFile(n.file)
	if err != nil {
		return err
	}
	c, err := config.Parse(n.file, text)
	defer n.lock()()
	n.running = c
	return err
}

// A fakeHealth says how a node is.
type fakeHealth struct{ *fakeNode }

func (n fakeHealth) Ready() error {
	defer n.lock()()
	if n.draining {
		return errors.New("draining")
	}
	return nil
}

func (n fakeHealth) Status(string) admin.Status {
	functions := n.List("")
	defer n.lock()()
	s := admin.Status{
		Version: "v0.1.0", Started: fakeTime, Draining: n.draining, Listen: []string{"127.0.0.1:8080"},
		Cache: admin.CacheStatus{Objects: 1204, Bytes: 33_000_000, Limit: 256 << 20, Fills: 2, Purges: int64(n.purges), Sequence: n.purges,
			Disk: &admin.DiskStatus{Objects: 20480, Bytes: 3_328_599_654, Limit: 10 << 30}},
		Memory: admin.MemoryStatus{Limit: 1 << 30, Heap: 40 << 20, Total: 900 << 20},
	}
	for _, site := range n.running.Sites {
		hosts := []string{}
		for _, h := range site.Hosts {
			hosts = append(hosts, string(h))
		}
		s.Sites = append(s.Sites, admin.Site{Owner: string(site.Owner), Name: string(site.Name), Hosts: hosts, Routes: len(site.Routes)})
	}
	for _, f := range functions {
		s.Functions = append(s.Functions, admin.FunctionStatus{Owner: f.Owner, Name: f.Name, Active: f.Active, Disabled: f.Disabled})
	}
	return s
}

// Show knows one URL; what is stored under it varies by language.
func (n fakeCache) Show(_ context.Context, owner string, q admin.ShowRequest) (admin.Shown, error) {
	host, path, _ := strings.Cut(strings.TrimPrefix(q.URL, "http://"), "/")
	if host != "shop.example" {
		return admin.Shown{}, &admin.Error{Code: admin.NotFound, Field: "url", Message: fmt.Sprintf("no site of owner %q has the host %q", owner, host), Hint: `"wedge status" lists sites and their hosts`}
	}
	s := admin.Shown{Owner: owner, Site: "shop", Method: cmp.Or(q.Method, "GET"), URL: q.URL, Outcome: "pass", Reason: "method", Forward: "method",
		Functions: []admin.Decision{{Function: "ab", Changed: []string{"key: part cohort"}}}}
	if s.Method != "GET" {
		return s, nil
	}
	v := admin.Varies{Name: "accept-language"}
	for _, f := range q.Fields {
		if strings.EqualFold(f.Name, v.Name) {
			v.Value, v.Present = f.Value, true
		}
	}
	s.Outcome, s.Reason, s.Forward, s.Key = "miss", "absent", "uri-miss", hex.EncodeToString([]byte("/"+path))
	s.Parts = []admin.KeyPart{{Kind: "host", Value: host}, {Kind: "path", Value: "/" + path}, {Kind: "function", Name: "cohort", Value: "b"}}
	s.Vary, s.Variants = []admin.Varies{v}, 1
	if v.Value == "de" {
		s.Outcome, s.Reason, s.Forward = "hit", "", ""
		s.Rules = []admin.Field{{Name: "mode", Value: "honour"}, {Name: "segment", Value: "1MiB"}}
		s.Stored = &admin.Stored{Status: 200, Length: 2048, Place: "memory", URL: q.URL, Received: fakeTime, Age: 18.5, Lifetime: 60, TTL: 41.5, WhileRevalidate: 30,
			Flags: []string{"must-revalidate"}, Fields: []admin.Field{{Name: "Content-Type", Value: "text/html"}}}
	}
	return s, nil
}

func (n fakeCache) Warm(_ context.Context, _ string, q admin.WarmRequest) (list []admin.Warmed, err error) {
	for _, u := range q.URLs {
		w := admin.Warmed{URL: u, Status: 200, Outcome: "miss", Stored: true, Bytes: 2048}
		switch {
		case strings.HasSuffix(u, "/private"):
			w.Stored, w.Reason = false, "private"
		case !strings.HasPrefix(u, "http://shop.example/"):
			w = admin.Warmed{URL: u, Error: "no site has this host"}
		}
		list = append(list, w)
	}
	return list, nil
}

func (n fakeCache) Push(_ context.Context, _ string, p admin.Push) error {
	b, err := io.ReadAll(p.Body)
	if err != nil {
		return err
	}
	if len(p.Fields) == 0 {
		return &admin.Error{Code: admin.Conflict, Message: "the response is not stored: no-freshness", Hint: `give it a lifetime with the field "Cache-Control: max-age=60"`}
	}
	if string(b) != "content\n" || p.Status != 200 {
		return fmt.Errorf("the body is %q, the status %d", b, p.Status)
	}
	return nil
}

func (n fakeCache) Debug(owner string, _ time.Time) (string, error) { return "token-of-" + owner, nil }
