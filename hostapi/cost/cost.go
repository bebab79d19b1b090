package cost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// Options are what an operator would give the function. The zero value is a function without settings.
type Options struct {
	Config, Env map[string]string
	Secrets     map[string]string
	// Limits of an exchange. Zero fields are the node's defaults, but for time, of which a slow machine takes more: 10 s and 1 min.
	Limits limit.Limits
	// Interpreter runs the function without compiling it, which costs the same fuel.
	Interpreter bool
}

// Case is an exchange: what a client asks for and what an origin answers.
type Case struct {
	Method string // GET if empty
	URL    string // https://example.com/ if empty
	Header []Field
	// Status, Fields and Body are the response that on_fetched and on_response meet. Status is 200 if 0.
	Status int
	Fields []Field
	Body   string
}

// Field is a header field.
type Field struct{ Name, Value string }

// Call is what one hook cost.
type Call struct {
	Hook     exchange.Hook
	Fuel     int64
	Memory   int64 // the largest in this exchange, in bytes
	Answered bool
}

// Function is a function that is ready to be measured. It is for one goroutine.
type Function struct {
	engine *engine.Engine
	f      *guest.Function
}

// Open compiles a module in this process. What is wrong with it is the error that a deploy would get.
func Open(module []byte, o Options) (*Function, error) {
	e, err := engine.New(engine.Options{Host: guest.HostFuncs(), Interpreter: o.Interpreter})
	if err != nil {
		return nil, err
	}
	if o.Limits.CPU == 0 {
		o.Limits.CPU = 10 * time.Second
	}
	if o.Limits.Wall == 0 {
		o.Limits.Wall = time.Minute
	}
	spec := guest.Spec{Owner: "default", Name: "function", Version: "local", Limits: o.Limits, Instances: 1, Config: o.Config, Env: o.Env, AllKV: true, Fixed: true}
	if len(o.Secrets) > 0 {
		spec.Secrets = map[string]guest.Secret{}
		for k, v := range o.Secrets {
			spec.Secrets[k] = guest.Secret(v)
		}
	}
	f, err := guest.New(guest.Options{Engine: e, Services: &services.Services{KV: empty{}, Counters: uncounted{}}, Wait: time.Minute}).Load(context.Background(), module, spec)
	if err != nil {
		e.Close()
		return nil, err
	}
	return &Function{e, f}, nil
}

// Handler tells whether a module answers requests by itself, so that there is nothing of it to be measured here. It does not
// compile it. The error is that of a module which no node would take.
func Handler(module []byte) (bool, error) {
	info, err := describe(module)
	return info.Handler, err
}

// Hooks are the names of the hooks that a module has. It does not compile it. The error is that of a module which no node would take.
func Hooks(module []byte) ([]string, error) {
	info, err := describe(module)
	return names(info.Hooks), err
}

func describe(module []byte) (guest.Info, error) {
	e, err := engine.New(engine.Options{Host: guest.HostFuncs(), Interpreter: true})
	if err != nil {
		return guest.Info{}, err
	}
	defer e.Close()
	return guest.New(guest.Options{Engine: e}).Describe(module)
}

// Remark is what the function's author may have overlooked; "" for nothing.
func (f *Function) Remark() string { return f.f.Info().Remark }

// Hint is how to mend a module that Open refused; "" if that is not known.
func Hint(err error) string {
	if refused, ok := errors.AsType[*guest.Refused](err); ok {
		return refused.Hint
	}
	return ""
}

// Hooks are the names of the hooks that the function has.
func (f *Function) Hooks() []string { return names(f.f.Hooks()) }

func names(has exchange.HookSet) (names []string) {
	for _, h := range []exchange.Hook{exchange.OnRequest, exchange.OnFetch, exchange.OnFetched, exchange.OnError, exchange.OnResponse} {
		if has.Has(h) {
			names = append(names, h.String())
		}
	}
	return names
}

// Close frees the function.
func (f *Function) Close() {
	f.f.Close()
	f.engine.Close()
}

// began is when every exchange begins.
var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Run runs the hooks of the function once, each side of the exchange with an instance of its own, as a miss would: on_request; unless
// that answered, on_fetch and on_fetched; on_response. on_error is for fetches that fail and does not run.
func (f *Function) Run(c Case) (calls []Call, err error) {
	client, err := c.exchange()
	if err != nil {
		return nil, err
	}
	answered, err := f.side(client, c, exchange.OnRequest, exchange.OnResponse, &calls)
	if err != nil || answered {
		return calls, err
	}
	fetch, _ := c.exchange()
	fetch.Side = exchange.FetchSide
	if _, err = f.side(fetch, c, exchange.OnFetch, exchange.OnFetched, &calls); err != nil {
		return calls, err
	}
	return calls, nil
}

// side runs the two hooks of one side.
func (f *Function) side(x *exchange.Exchange, c Case, first, second exchange.Hook, calls *[]Call) (answered bool, err error) {
	if has := f.f.Hooks(); !has.Has(first) && !has.Has(second) {
		return false, nil
	}
	r, err := f.f.Start(x, time.Time{})
	if err != nil {
		return false, err
	}
	defer r.End()
	if answered, err = r.Call(first); err == nil {
		if !answered {
			c.respond(x)
		}
		_, err = r.Call(second)
	}
	if x.Response.Body != nil {
		_, copied := io.Copy(io.Discard, x.Response.Body)
		x.Response.Body.Close()
		if err == nil {
			err = copied
		}
	}
	for _, call := range x.Calls {
		*calls = append(*calls, Call{call.Hook, call.Fuel, call.Memory, call.Answered})
	}
	return answered, err
}

func (c *Case) exchange() (*exchange.Exchange, error) {
	target := c.URL
	if target == "" {
		target = "https://example.com/"
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("cost: %q is no URL as https://example.com/path", target)
	}
	x := exchange.New()
	x.Now, x.ID = began, exchange.ID{1}
	x.Client.Addr = netip.MustParseAddr("192.0.2.1")
	q := &x.Request
	q.Method, q.Scheme, q.Host, q.Path, q.Query, q.HasQuery, q.Proto = "GET", u.Scheme, u.Host, u.EscapedPath(), u.RawQuery, u.RawQuery != "", exchange.HTTP11
	if c.Method != "" {
		q.Method = strings.ToUpper(c.Method)
	}
	if q.Path == "" {
		q.Path = "/"
	}
	for _, f := range c.Header {
		q.Header.Add(f.Name, f.Value)
	}
	return x, nil
}

func (c *Case) respond(x *exchange.Exchange) {
	x.Response.Status = 200
	if c.Status != 0 {
		x.Response.Status = c.Status
	}
	for _, f := range c.Fields {
		x.Response.Header.Add(f.Name, f.Value)
	}
	x.Response.Body, x.Response.ContentLength = exchange.ReaderBody(io.NopCloser(strings.NewReader(c.Body))), int64(len(c.Body))
}
