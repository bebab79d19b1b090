package node

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/encode"
	"github.com/wedgecdn/wedge/edge/function"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/edge/route"
)

// A table is a route table with what it holds.
type table struct {
	routes *pipeline.Table
	held   []*loaded
	// without are versions that are not tried on a route, though they should be.
	without []leftOut
}

// A leftOut version is not tried on a route, and the stable one runs.
type leftOut struct {
	owner, site, route, function, version string
	err                                   error
}

// build makes the route table of a configuration: it loads every function that
// is bound, so that no request waits for one (but see live.later). Every complaint is returned, and
// then nothing is held.
//
// with, if it is not nil, is what one function shall run in place of what it
// runs now.
func (v *live) build(ctx context.Context, c *config.Config, with *override) (*table, error) {
	t := &table{}
	var errs []error
	known := map[*config.Function]runs{}
	// One chain's bindings, one after the other; the site's are shared by its routes.
	ready := map[*config.Binding]bound{}
	bind := func(owner config.Name, b *config.Binding) bound {
		if got, ok := ready[b]; ok {
			return got
		}
		got := bound{of: b, binding: hook.Binding{Name: string(b.Name), OnFailure: policies[b.OnFailure]}}
		f := c.Function(owner, b.Name)
		rs, ok := known[f]
		if !ok {
			var err error
			if rs, err = v.runsOf(f, with); err != nil {
				errs = append(errs, err)
			}
			known[f] = rs
		}
		got.asks = v.asks(with, f)
		hold := func(cd code) *loaded {
			l, err := v.load(ctx, cd, spec(c.MostMemory(), owner, b, cd.hash), with.concerns(f))
			if err != nil {
				errs = append(errs, err)
				return nil
			}
			t.held = append(t.held, l)
			return l
		}
		if rs.active.module != nil {
			if l := hold(rs.active); l != nil {
				got.binding.Function, got.loaded = l, l
			}
		}
		if rs.trial != nil && got.loaded != nil {
			if got.canary = hold(rs.trial.code); got.canary != nil {
				got.trial = rs.trial
			}
		}
		if rs.shadow != nil && got.loaded != nil {
			s := spec(c.MostMemory(), owner, b, rs.shadow.hash)
			l, err := v.loadOn(ctx, v.shadows, "shadow "+identity(s), rs.shadow.code, s, with.concerns(f))
			if err != nil {
				errs = append(errs, err)
			} else {
				t.held = append(t.held, l)
				got.shadow = v.shadowOf(l, rs.shadow.Shadow)
			}
		}
		ready[b] = got
		return got
	}
	var sites []route.Site[*pipeline.Route]
	for i := range c.Sites {
		s := &c.Sites[i]
		make := func(name string, origin config.Name, p config.CachePolicy, e *config.Encode, bindings []*config.Binding, handler *config.Binding) *pipeline.Route {
			r := &pipeline.Route{Owner: string(s.Owner), Site: string(s.Name), Name: name, Origin: string(origin), Rules: rules(s, origin, p), Encode: encoder(e, v.encoded), SendSurrogate: p.SendSurrogateFields}
			var hooked []bound
			for _, b := range bindings {
				hooked = append(hooked, bind(s.Owner, b))
			}
			var answers *bound
			if handler != nil {
				got := bind(s.Owner, handler)
				answers = &got
			}
			made, err := split(r, hooked, answers, func(function, version string, err error) {
				t.without = append(t.without, leftOut{r.Owner, r.Site, name, function, version, err})
			})
			if err != nil {
				errs = append(errs, err)
			}
			return made
		}
		site := route.Site[*pipeline.Route]{Any: make("", s.Origin, s.Cache, &s.Encode, s.Functions, s.Handler)}
		for _, h := range s.Hosts {
			site.Hosts = append(site.Hosts, string(h))
		}
		for j := range s.Routes {
			r := &s.Routes[j]
			site.Routes = append(site.Routes, route.Path[*pipeline.Route]{Path: string(r.Path), Entry: make(string(r.Path), r.Origin, r.Cache, &r.Encode, r.Functions, r.Handler)})
		}
		sites = append(sites, site)
	}
	if len(errs) > 0 {
		v.drop(t.held)
		return nil, advise(errors.Join(errs...))
	}
	t.routes = pipeline.NewTable(sites)
	return t, nil
}

// wrongKind says that a module is bound in a way in which it cannot run.
type wrongKind struct {
	function string
	handler  bool // what the module is
}

func (e *wrongKind) Error() string {
	if e.handler {
		return "function " + e.function + ": its module answers requests by itself and has no hooks, and functions: binds it as one with hooks"
	}
	return "function " + e.function + ": its module has hooks, and handler: binds it as one that answers by itself"
}

// hint is what mends it: the configuration, or another module.
func (e *wrongKind) hint() string {
	if e.handler {
		return "write handler: " + e.function + " in the site or route, in place of its name under functions:, or deploy a module with hooks"
	}
	return "put " + e.function + " under functions: in the site or route, in place of handler:, or deploy a module that answers by itself"
}

// An override is what a function shall run once a table with it is in force.
type override struct {
	owner, name string
	// stored is what the store will say of it.
	stored function.Function
	// code is a version that the store may not have yet.
	code code
}

// concerns tells whether the override is for f. A nil one is for none.
func (o *override) concerns(f *config.Function) bool {
	return o != nil && o.owner == string(f.Owner) && o.name == string(f.Name)
}

// asks tells whether the override, for f, brings a canary or a shadow that f did not have.
func (v *live) asks(o *override, f *config.Function) bool {
	if !o.concerns(f) {
		return false
	}
	now, _ := v.store.Named(o.owner, o.name)
	canary, shadow := o.stored.Canary, o.stored.Shadow
	return canary != nil && (now.Canary == nil || now.Canary.Version != canary.Version) || shadow != nil && (now.Shadow == nil || now.Shadow.Version != shadow.Version)
}

// bound is a binding, loaded.
type bound struct {
	of      *config.Binding
	binding hook.Binding
	loaded  *loaded
	// canary is the version that is tried out, if there is one, and trial how.
	canary *loaded
	trial  *trial
	// shadow is the version that runs on copies, if there is one.
	shadow *shadow
	// asks tells that the canary or the shadow is what somebody has just asked for.
	asks bool
}

var policies = map[config.OnFailure]hook.Policy{
	config.FailClosed: hook.Closed, config.FailOpen: hook.Open, config.FailStale: hook.Stale,
}

var modes = map[config.CacheMode]cache.Mode{
	config.CacheHonour: cache.Honour, config.CachePass: cache.Pass, config.CacheForce: cache.Force,
}

func rules(s *config.Site, origin config.Name, p config.CachePolicy) cache.Rules {
	r := cache.Rules{Owner: string(s.Owner), Site: string(s.Name), Origin: string(origin), Mode: modes[p.Mode], StripSetCookie: p.StripSetCookie,
		KeepSetCookie: p.StoreSetCookie, IgnoreCookies: p.Cookies == config.CookiesIgnore, Collapse: p.Collapse,
		IgnoreClientDirectives: p.IgnoreClientDirectives, WhileRevalidate: time.Duration(p.StaleWhileRevalidate), IfError: time.Duration(p.StaleIfError),
		Heuristic: time.Duration(p.Heuristic), Target: strings.ToLower(string(p.TargetedField)), MatchLanguage: p.MatchLanguage, ForwardRanges: p.Ranges == config.RangesForward}
	if p.Collapse {
		r.Segment = int64(p.Segment)
	}
	if p.Mode == config.CacheForce {
		r.TTL = time.Duration(p.TTL)
	}
	for _, t := range p.Statuses {
		r.Statuses = append(r.Statuses, cache.Status{Code: t.Status, TTL: time.Duration(t.TTL)})
	}
	for _, k := range p.KeyCookies {
		r.KeyCookies = append(r.KeyCookies, string(k))
	}
	return r
}

var codings = map[config.Coding]encode.Coding{config.CodingBrotli: encode.Brotli, config.CodingZstd: encode.Zstd, config.CodingGzip: encode.Gzip}

var encodeLevels = map[config.EncodeLevel]encode.Level{config.EncodeFast: encode.Fast, config.EncodeDefault: encode.Default, config.EncodeBest: encode.Best}

// encoder compresses as a site or route says; nil if nothing is compressed.
func encoder(e *config.Encode, made func(encode.Made)) *encode.Encoder {
	if len(e.Codings) == 0 {
		return nil
	}
	o := encode.Options{Types: e.Types, Least: int64(e.Least), Level: encodeLevels[e.Level], Made: made}
	for _, c := range e.Codings {
		o.Codings = append(o.Codings, codings[c])
	}
	return encode.New(o)
}
