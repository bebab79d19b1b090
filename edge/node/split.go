package node

import (
	"fmt"
	"slices"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// split completes a route with what is bound to it. If versions are tried out
// there, the route gets one like it for each combination of versions.
//
// What cannot be tried there is refused to who asks for it. What was taken
// before, and is in the way of a changed configuration or of a start, is given to
// without: the stable version runs.
func split(r *pipeline.Route, hooked []bound, handler *bound, without func(function, version string, err error)) (*pipeline.Route, error) {
	if handler != nil && handler.shadow != nil {
		err := &noShadow{handler.binding.Name}
		if handler.asks {
			return nil, err
		}
		without(handler.binding.Name, handler.shadow.l.hash, err)
		handler.shadow = nil
	}
	arms, names := []pipeline.Arm{}, []string{}
	each := func(b *bound) {
		// A function that is bound twice has one arm: its two bindings are of one version.
		if b.trial != nil && !slices.Contains(names, b.binding.Name) {
			names = append(names, b.binding.Name)
			arms = append(arms, pipeline.Arm{Salt: b.trial.hash, Share: uint64(b.trial.Share), Header: b.trial.Header, Value: b.trial.Value, Cookie: b.trial.Cookie})
		}
	}
	all := make([]*bound, 0, len(hooked)+1)
	for i := range hooked {
		all = append(all, &hooked[i])
	}
	if handler != nil {
		all = append(all, handler)
	}
	for _, b := range all {
		each(b)
	}
	if len(arms) > pipeline.MaxArms {
		err := &crowded{names}
		if slices.ContainsFunc(all, func(b *bound) bool { return b.trial != nil && b.asks }) {
			return nil, err
		}
		for _, b := range all {
			if i := slices.Index(names, b.binding.Name); b.trial != nil && i >= pipeline.MaxArms {
				without(b.binding.Name, b.trial.hash, err)
				b.canary, b.trial = nil, nil
			}
		}
		arms, names = arms[:pipeline.MaxArms], names[:pipeline.MaxArms]
	}
	if len(arms) == 0 {
		plain := *r
		return &plain, fillRoute(&plain, hooked, handler, func(*bound) bool { return false })
	}
	s := &pipeline.Split{Arms: arms}
	for mask := range 1 << len(arms) {
		one := *r
		takes := func(b *bound) bool {
			return b.trial != nil && mask&(1<<slices.Index(names, b.binding.Name)) != 0
		}
		if err := fillRoute(&one, hooked, handler, takes); err != nil {
			return nil, err
		}
		s.Routes = append(s.Routes, &one)
	}
	s.Routes[0].Split = s
	return s.Routes[0], nil
}

// A crowded route has more versions to try than it can.
type crowded struct{ functions []string }

func (e *crowded) Error() string {
	return fmt.Sprintf("one route calls %d functions with canaries (%q), and at most %d can be tried at one time: promote or roll back one of them first", len(e.functions), e.functions, pipeline.MaxArms)
}

// noShadow says that a handler cannot be run on a copy.
type noShadow struct{ function string }

func (e *noShadow) Error() string {
	return "function " + e.function + " answers requests by itself: it asks origins, which nothing that runs on a copy may do, so it has no shadow"
}

// fillRoute puts functions into a route: of those that takes names, the version
// that is tried out.
func fillRoute(r *pipeline.Route, hooked []bound, handler *bound, takes func(*bound) bool) error {
	var chain []hook.Binding
	pick := func(b *bound) (*loaded, bool) {
		if takes(b) {
			return b.canary, true
		}
		return b.loaded, false
	}
	for i := range hooked {
		b := &hooked[i]
		l, canary := pick(b)
		binding := b.binding
		if l != nil {
			binding.Function = l
			if l.info.Handler {
				return &wrongKind{binding.Name, true}
			}
			addFunction(&r.Rules, b.of, l, canary)
			if b.shadow != nil && !canary {
				binding.Shadow = b.shadow
			}
		}
		chain = append(chain, binding)
	}
	r.Hooks = hook.NewChain(chain)
	if handler == nil {
		return nil
	}
	r.Handler = &hook.Handler{Name: handler.binding.Name, OnFailure: handler.binding.OnFailure}
	if l, _ := pick(handler); l != nil {
		r.Handler.Function = l
		if !l.info.Handler {
			return &wrongKind{handler.binding.Name, false}
		}
	}
	return nil
}

// beforeStore are the hooks by which a function can have a part in what is
// stored: it may change what the origin is asked, or what it answered.
const beforeStore = 1<<exchange.OnRequest | 1<<exchange.OnFetch | 1<<exchange.OnFetched | 1<<exchange.OnError

// addFunction puts into a route's rules what a bound function changes about
// them; canary tells that it is a version that is tried out.
func addFunction(r *cache.Rules, b *config.Binding, l *loaded, canary bool) {
	hooks := l.Hooks()
	// "The version of each bound function with on_fetch or on_fetched is part of
	// the key unless the binding says share_cache". Of a canary, that of one with
	// on_request or on_error as well: those who did not get it must not get what
	// the origin answered to what it made of a request.
	if !b.ShareCache && (hooks.Has(exchange.OnFetch) || hooks.Has(exchange.OnFetched) || canary && hooks&beforeStore != 0) {
		r.Versions = append(r.Versions, l.hash)
	}
	// "A body changed in on_fetched is fetched whole... and is never segmented or
	// combined from parts."
	if hooks.Has(exchange.OnFetched) && r.Segment != 0 {
		r.Segment, r.Whole = 0, string(b.Name)
	}
	// "a binding that must says reads, and then its requests are passes".
	if len(b.Reads) > 0 && hooks.Has(exchange.OnFetch) {
		r.ReadsPrivate = true
	}
}
