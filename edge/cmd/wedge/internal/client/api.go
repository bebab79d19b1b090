package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

const (
	mediaJSON  = "application/json"
	mediaWasm  = "application/wasm"
	mediaYAML  = "application/yaml"
	mediaBytes = "application/octet-stream"
	mediaLines = "application/x-ndjson"
)

// An Answer is what the node said, in two forms: read, and as it came, with fields that a newer node may have added.
type Answer[T any] struct {
	V   T
	Raw json.RawMessage
}

func ask[T any](ctx context.Context, c *Client, r call) (a Answer[T], err error) {
	if err = c.ask(ctx, r, &a.Raw); err != nil {
		return a, err
	}
	if err := json.Unmarshal(a.Raw, &a.V); err != nil {
		return a, &Foreign{Base: c.Base, Status: http.StatusOK, Err: err}
	}
	return a, nil
}

// with makes v the body of the call.
func (r call) with(v any) call {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: a request that is no JSON: " + err.Error())
	}
	r.body, r.size, r.media = bytes.NewReader(b), int64(len(b)), mediaJSON
	return r
}

// set adds a parameter to the query unless its value is empty, which means that the node decides.
func (r call) set(name, value string) call {
	if value == "" {
		return r
	}
	if r.query == nil {
		r.query = url.Values{}
	}
	r.query.Set(name, value)
	return r
}

func get(path ...string) call  { return call{method: http.MethodGet, path: path} }
func post(path ...string) call { return call{method: http.MethodPost, path: path} }
func put(path ...string) call  { return call{method: http.MethodPut, path: path} }
func del(path ...string) call  { return call{method: http.MethodDelete, path: path} }

// Status asks how the node is.
func (c *Client) Status(ctx context.Context) (Answer[admin.Status], error) {
	return ask[admin.Status](ctx, c, get("status"))
}

// Functions lists the functions of an owner, or of all.
func (c *Client) Functions(ctx context.Context, owner string, all bool) (Answer[admin.FunctionList], error) {
	r := get("functions").set("owner", owner)
	if all {
		r = r.set("all", "true")
	}
	return ask[admin.FunctionList](ctx, c, r)
}

// Function asks for one function.
func (c *Client) Function(ctx context.Context, owner, name string) (Answer[admin.Function], error) {
	return ask[admin.Function](ctx, c, get("functions", name).set("owner", owner))
}

// A Module is what Deploy uploads.
type Module struct {
	Body    io.Reader
	Size    int64 // -1 if it is not known
	Message string
	Keep    bool // keep it without running it
	Trial   Trial
}

// A Trial says for whom a version runs; the zero value is everybody.
type Trial struct {
	Share, Header, Cookie, RollbackOn string
	Window                            time.Duration
	Calls                             int
	// Shadow is the share of the exchanges on whose copies it runs; "" is none.
	Shadow string
}

// Deploy uploads a module as a new version of a function.
func (c *Client) Deploy(ctx context.Context, owner, name string, m Module) (Answer[admin.Deployed], error) {
	r := put("functions", name).set("owner", owner).set("message", m.Message)
	if m.Keep {
		r = r.set("activate", "false")
	}
	q := m.Trial
	r = r.set("canary", q.Share).set("canary_header", q.Header).set("canary_cookie", q.Cookie).set("rollback_on", q.RollbackOn).set("shadow", q.Shadow)
	if q.Window != 0 {
		r = r.set("rollback_window", q.Window.String())
	}
	if q.Calls != 0 {
		r = r.set("rollback_calls", strconv.Itoa(q.Calls))
	}
	r.body, r.size, r.media, r.slow = m.Body, m.Size, mediaWasm, true
	return ask[admin.Deployed](ctx, c, r)
}

// Activate makes a kept version run.
func (c *Client) Activate(ctx context.Context, owner, name, version string, q Trial) (Answer[admin.Deployed], error) {
	r := post("functions", name, "activate").set("owner", owner).with(admin.ActivateRequest{Version: version, Canary: q.Share, CanaryHeader: q.Header, CanaryCookie: q.Cookie,
		RollbackOn: q.RollbackOn, RollbackWindow: admin.Duration(q.Window), RollbackCalls: q.Calls, Shadow: q.Shadow})
	r.slow = true
	return ask[admin.Deployed](ctx, c, r)
}

// Version asks what a kept version is made of.
func (c *Client) Version(ctx context.Context, owner, name, version string) (Answer[admin.VersionDetail], error) {
	r := get("functions", name, "version").set("owner", owner).set("version", version)
	r.slow = true
	return ask[admin.VersionDetail](ctx, c, r)
}

// Test holds a kept version against conversations.
func (c *Client) Test(ctx context.Context, owner, name string, q admin.TestRequest) (Answer[admin.TestReport], error) {
	r := post("functions", name, "test").set("owner", owner).with(q)
	r.slow = true
	return ask[admin.TestReport](ctx, c, r)
}

// Promote makes the canary run for everybody.
func (c *Client) Promote(ctx context.Context, owner, name string) (Answer[admin.Deployed], error) {
	r := post("functions", name, "promote").set("owner", owner)
	r.slow = true
	return ask[admin.Deployed](ctx, c, r)
}

// Rollback gives canary and shadow up; without any it makes the version run that ran before.
func (c *Client) Rollback(ctx context.Context, owner, name string) (Answer[admin.Deployed], error) {
	r := post("functions", name, "rollback").set("owner", owner)
	r.slow = true
	return ask[admin.Deployed](ctx, c, r)
}

// Switch turns a function off, or on again.
func (c *Client) Switch(ctx context.Context, owner, name string, off bool) (Answer[admin.Switched], error) {
	verb := "enable"
	if off {
		verb = "disable"
	}
	return ask[admin.Switched](ctx, c, post("functions", name, verb).set("owner", owner))
}

// DeleteFunction removes an uploaded function with all its versions.
func (c *Client) DeleteFunction(ctx context.Context, owner, name string) (Answer[admin.Deleted], error) {
	return ask[admin.Deleted](ctx, c, del("functions", name).set("owner", owner))
}

// Logs reads a function's lines behind a cursor; cursor 0 begins limit lines before the end.
func (c *Client) Logs(ctx context.Context, owner, name string, after uint64, limit int) (Answer[admin.LogPage], error) {
	return ask[admin.LogPage](ctx, c, get("functions", name, "logs").set("owner", owner).
		set("after", strconv.FormatUint(after, 10)).set("limit", strconv.Itoa(limit)))
}

// CacheShow asks what would become of a request.
func (c *Client) CacheShow(ctx context.Context, owner string, q admin.ShowRequest) (Answer[admin.Shown], error) {
	return ask[admin.Shown](ctx, c, post("cache", "show").set("owner", owner).with(q))
}

// Debug asks for a header field with which a client sees cache keys.
func (c *Client) Debug(ctx context.Context, owner string, q admin.DebugRequest) (Answer[admin.Debug], error) {
	return ask[admin.Debug](ctx, c, post("cache", "debug").set("owner", owner).with(q))
}

// Warm asks the node to ask for URLs as a client would.
func (c *Client) Warm(ctx context.Context, owner string, q admin.WarmRequest) (Answer[admin.WarmList], error) {
	r := post("cache", "warm").set("owner", owner).with(q)
	r.slow = true
	return ask[admin.WarmList](ctx, c, r)
}

// An Object is a response to store; Body is of Size bytes, -1 if that is not known.
type Object struct {
	URL    string
	Status int // 0 is 200
	Fields []admin.Field
	Body   io.Reader
	Size   int64
}

// Push stores a response as if the origin had given it.
func (c *Client) Push(ctx context.Context, owner string, o Object) (Answer[admin.Pushed], error) {
	var lines strings.Builder
	for _, f := range o.Fields {
		lines.WriteString(f.Name + ": " + f.Value + "\n")
	}
	r := put("cache", "object").set("owner", owner).set("url", o.URL).set("fields", lines.String())
	if o.Status != 0 {
		r = r.set("status", strconv.Itoa(o.Status))
	}
	r.body, r.size, r.media, r.slow = o.Body, o.Size, mediaBytes, true
	return ask[admin.Pushed](ctx, c, r)
}

// Purge forgets stored responses.
func (c *Client) Purge(ctx context.Context, owner string, p admin.PurgeRequest) (Answer[admin.Purged], error) {
	return ask[admin.Purged](ctx, c, post("purge").set("owner", owner).with(p))
}

// Stores lists an owner's stores behind a name.
func (c *Client) Stores(ctx context.Context, owner, after string, limit int) (Answer[admin.StoreList], error) {
	return ask[admin.StoreList](ctx, c, get("kv").set("owner", owner).set("after", after).set("limit", strconv.Itoa(limit)))
}

// Keys lists the entries of a store behind a cursor.
func (c *Client) Keys(ctx context.Context, owner, store, prefix, cursor string, limit int) (Answer[admin.KeyList], error) {
	return ask[admin.KeyList](ctx, c, get("kv", store).set("owner", owner).set("prefix", prefix).
		set("cursor", cursor).set("limit", strconv.Itoa(limit)))
}

// DropStore removes a store with all its entries.
func (c *Client) DropStore(ctx context.Context, owner, store string) (Answer[admin.Dropped], error) {
	return ask[admin.Dropped](ctx, c, del("kv", store).set("owner", owner))
}

// Value reads the entry of a key.
func (c *Client) Value(ctx context.Context, owner, store, key string) (e admin.Entry, err error) {
	res, err := c.open(ctx, get("kv", store, "value").set("owner", owner).key(key))
	if err != nil {
		return e, err
	}
	defer res.Body.Close()
	if e.Value, err = c.readAll(res.Body); err != nil {
		return e, err
	}
	foreign := func(err error) error { return &Foreign{Base: c.Base, Status: res.StatusCode, Err: err} }
	if e.Version, err = strconv.ParseUint(res.Header.Get(admin.HeaderVersion), 10, 64); err != nil {
		return e, foreign(err)
	}
	if e.Metadata, err = base64.StdEncoding.DecodeString(res.Header.Get(admin.HeaderMetadata)); err != nil {
		return e, foreign(err)
	}
	if v := res.Header.Get(admin.HeaderExpires); v != "" {
		if e.Expires, err = time.Parse(time.RFC3339, v); err != nil {
			return e, foreign(err)
		}
	}
	return e, nil
}

// key names an entry; an empty key is sent too, for the node to refuse.
func (r call) key(k string) call {
	if r.query == nil {
		r.query = url.Values{}
	}
	r.query.Set("key", k)
	return r
}

// A Write is what PutValue stores.
type Write struct {
	Body      io.Reader
	Size      int64 // -1 if it is not known
	Metadata  []byte
	TTL       time.Duration // 0: for ever
	IfVersion uint64        // only over this version; 0: no condition
	IfAbsent  bool          // only if there is no entry
}

// PutValue stores a value.
func (c *Client) PutValue(ctx context.Context, owner, store, key string, w Write) (Answer[admin.Written], error) {
	r := put("kv", store, "value").set("owner", owner).key(key)
	if w.TTL != 0 {
		r = r.set("ttl", w.TTL.String())
	}
	r.body, r.size, r.media, r.header = w.Body, w.Size, mediaBytes, http.Header{}
	if w.Metadata != nil {
		r.header.Set(admin.HeaderMetadata, base64.StdEncoding.EncodeToString(w.Metadata))
	}
	if w.IfVersion != 0 {
		r.header.Set("If-Match", etag(w.IfVersion))
	}
	if w.IfAbsent {
		r.header.Set("If-None-Match", "*")
	}
	return ask[admin.Written](ctx, c, r)
}

func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// DeleteValue removes an entry; with ifVersion (not 0) only if it is that version.
func (c *Client) DeleteValue(ctx context.Context, owner, store, key string, ifVersion uint64) (Answer[admin.Deleted], error) {
	r := del("kv", store, "value").set("owner", owner).key(key)
	if ifVersion != 0 {
		r.header = http.Header{"If-Match": {etag(ifVersion)}}
	}
	return ask[admin.Deleted](ctx, c, r)
}

// Add adds to a number; ttl is that of an entry which this makes.
func (c *Client) Add(ctx context.Context, owner, store, key string, delta int64, ttl time.Duration) (Answer[admin.Added], error) {
	return ask[admin.Added](ctx, c, post("kv", store, "add").set("owner", owner).key(key).
		with(admin.AddRequest{Delta: delta, TTL: admin.Duration(ttl)}))
}

// Export opens the lines of all entries of a store; the caller closes it. An end before the last line is an error.
func (c *Client) Export(ctx context.Context, owner, store string) (io.ReadCloser, error) {
	res, err := c.open(ctx, get("kv", store, "export").set("owner", owner))
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Import puts the lines of an export into a store.
func (c *Client) Import(ctx context.Context, owner, store string, lines io.Reader, size int64) (Answer[admin.Imported], error) {
	r := post("kv", store, "import").set("owner", owner)
	r.body, r.size, r.media, r.slow = lines, size, mediaLines, true
	return ask[admin.Imported](ctx, c, r)
}

// Record opens the lines of a recording, which come while it goes on; the caller closes it.
func (c *Client) Record(ctx context.Context, owner string, q admin.RecordRequest) (io.ReadCloser, error) {
	res, err := c.open(ctx, post("record").set("owner", owner).with(q))
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Config shows the configuration in effect.
func (c *Client) Config(ctx context.Context) (Answer[admin.ConfigShown], error) {
	return ask[admin.ConfigShown](ctx, c, get("config"))
}

// Apply replaces the configuration, or only says what that would change.
func (c *Client) Apply(ctx context.Context, yaml []byte, dry bool) (Answer[admin.ConfigApplied], error) {
	r := put("config")
	if dry {
		r = r.set("dry_run", "true")
	}
	r.body, r.size, r.media, r.slow = bytes.NewReader(yaml), int64(len(yaml)), mediaYAML, true
	return ask[admin.ConfigApplied](ctx, c, r)
}
