package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/function"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/runtime/engine"
)

// functionsAPI is the functions of the configuration and those that were
// uploaded, seen as one.
type functionsAPI struct{ n *Node }

// describe joins what the configuration and the store know of a function.
func (a functionsAPI) describe(c *config.Config, owner, name string) (admin.Function, bool) {
	stored, uploaded := a.n.functions.Named(owner, name)
	cf := c.Function(config.Name(owner), config.Name(name))
	if cf == nil && !uploaded {
		return admin.Function{}, false
	}
	f := admin.Function{Owner: owner, Name: name, Source: admin.Awaited, Active: stored.Active, Disabled: stored.Disabled,
		Bindings: []string{}, Past: []string{}, Versions: []admin.Version{}}
	f.Past = append(f.Past, stored.Past...)
	for _, v := range stored.Versions {
		f.Versions = append(f.Versions, version(v))
	}
	f.Canary, f.Shadow = a.canary(stored), a.shadow(stored)
	if e := stored.Ended; e != nil {
		f.LastCanary = &admin.CanaryEnding{Version: e.Version, How: admin.How(e.How), Why: e.Why, Ended: e.Ended}
	}
	if stored.Active != "" {
		f.Source = admin.Uploaded
	}
	if cf != nil && cf.Module != "" {
		f.Source = admin.FromFile
		f.Active = ""
		for _, l := range a.n.live.all(owner, name) {
			f.Active = l.Version()
			i := l.Info()
			f.Versions = []admin.Version{{Hash: f.Active, Size: i.Size, ABI: i.ABI, Hooks: hooks(i.Hooks)}}
		}
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		if string(s.Owner) != owner {
			continue
		}
		has := func(list []*config.Binding) bool {
			return slices.ContainsFunc(list, func(b *config.Binding) bool { return string(b.Name) == name })
		}
		if has(s.Functions) || s.Handler != nil && string(s.Handler.Name) == name {
			f.Bindings = append(f.Bindings, string(s.Name))
			continue // its routes have it from the site
		}
		for j := range s.Routes {
			if h := s.Routes[j].Handler; has(s.Routes[j].Functions) || h != nil && string(h.Name) == name {
				f.Bindings = append(f.Bindings, string(s.Name)+" "+string(s.Routes[j].Path))
			}
		}
	}
	return f, true
}

func version(v function.Version) admin.Version {
	return admin.Version{Hash: v.Hash, Size: v.Size, ABI: v.ABI, Hooks: v.Hooks, Created: v.Created, By: v.By, Message: v.Message}
}

// hooks are the names of a set.
func hooks(set exchange.HookSet) []string {
	names := []string{}
	for h := range exchange.Hooks {
		if set.Has(h) {
			names = append(names, h.String())
		}
	}
	return names
}

func (a functionsAPI) current() *config.Config {
	a.n.mu.Lock()
	defer a.n.mu.Unlock()
	return a.n.config
}

func (a functionsAPI) List(owner string) []admin.Function {
	c := a.current()
	seen := map[[2]string]bool{}
	list := []admin.Function{}
	add := func(o, name string) {
		if owner != "" && o != owner || seen[[2]string{o, name}] {
			return
		}
		seen[[2]string{o, name}] = true
		if f, ok := a.describe(c, o, name); ok {
			list = append(list, f)
		}
	}
	for i := range c.Functions {
		add(string(c.Functions[i].Owner), string(c.Functions[i].Name))
	}
	for _, f := range a.n.functions.List(owner) {
		add(f.Owner, f.Name)
	}
	slices.SortFunc(list, func(x, y admin.Function) int {
		return cmp.Or(cmp.Compare(x.Owner, y.Owner), cmp.Compare(x.Name, y.Name))
	})
	return list
}

func (a functionsAPI) Named(owner, name string) (admin.Function, bool) {
	f, ok := a.describe(a.current(), owner, name)
	if ok {
		f.Usage = a.n.live.usage(owner, name)
		f.Failures = a.failures(owner, name)
	}
	return f, ok
}

// failures are the ways in which a function failed, the latest first.
func (a functionsAPI) failures(owner, name string) (list []admin.FunctionFailure) {
	for _, f := range a.n.observer.Failures.Of(owner, name) {
		out := admin.FunctionFailure{
			Count: f.Count, First: f.First, Last: f.Last, Request: f.Request, Version: f.Version, During: f.During, Kind: f.Kind,
			Message: f.Message, LastHostCall: f.LastHostCall, Log: f.Log,
		}
		for _, s := range f.Spent {
			out.Budgets = append(out.Budgets, admin.BudgetSpent{Budget: s.Budget, Spent: s.Spent, Limit: s.Limit, Text: s.Text})
		}
		for _, s := range f.Stack {
			out.Stack = append(out.Stack, admin.GuestFrame(s))
		}
		list = append(list, out)
	}
	return list
}

// fromFile refuses to change which version of a function runs if the
// configuration names its module.
func fromFile(c *config.Config, owner, name string) error {
	f := c.Function(config.Name(owner), config.Name(name))
	if f == nil || f.Module == "" {
		return nil
	}
	return &admin.Error{Code: admin.Conflict, Message: fmt.Sprintf("the configuration says which module function %s runs: %s", name, f.Module),
		Hint: "replace that file and reload, or take module: out of wedge.yaml and deploy"}
}

func (a functionsAPI) Deploy(ctx context.Context, d admin.Deploy) (admin.Deployed, error) {
	n := a.n
	if err := fromFile(a.current(), d.Owner, d.Name); err != nil {
		return admin.Deployed{}, err
	}
	info, err := n.live.host.Inspect(ctx, d.Module)
	if err != nil {
		return admin.Deployed{}, functionError(err)
	}
	v := function.Version{ABI: info.ABI, Hooks: hooks(info.Hooks), By: d.By, Message: d.Message}
	if !d.Activate && d.Canary == nil && d.Shadow == "" {
		if v, err = n.functions.Put(d.Owner, d.Name, d.Module, v, false); err != nil {
			return admin.Deployed{}, functionError(err)
		}
		f, _ := n.functions.Named(d.Owner, d.Name)
		return admin.Deployed{Owner: d.Owner, Name: d.Name, Version: version(v), Active: f.Active == v.Hash, Previous: f.Active}, nil
	}
	c := code{d.Module, hex.EncodeToString(info.Hash[:])}
	if d.Canary != nil {
		return a.try(ctx, d.Owner, d.Name, d.By, d.Canary, c, func() error {
			_, err := n.functions.Put(d.Owner, d.Name, d.Module, v, false)
			return err
		})
	}
	if d.Shadow != "" {
		return a.follow(ctx, d.Owner, d.Name, d.By, d.Shadow, c, func() error {
			_, err := n.functions.Put(d.Owner, d.Name, d.Module, v, false)
			return err
		})
	}
	return a.change(ctx, d.Owner, d.Name, c, runEverywhere(c.hash), func() (function.Version, error) {
		return n.functions.Put(d.Owner, d.Name, d.Module, v, true)
	})
}

// runEverywhere is what becomes of a function when a version is made active.
func runEverywhere(hash string) func(*function.Function) {
	return func(f *function.Function) { f.Active, f.Canary, f.Shadow = hash, nil, nil }
}

func (a functionsAPI) Activate(ctx context.Context, r admin.Activate) (admin.Deployed, error) {
	if err := fromFile(a.current(), r.Owner, r.Name); err != nil {
		return admin.Deployed{}, err
	}
	v, err := a.n.functions.Find(r.Owner, r.Name, r.Version)
	if err != nil {
		return admin.Deployed{}, functionError(err)
	}
	module, err := a.n.functions.Code(r.Owner, r.Name, v.Hash)
	if err != nil {
		return admin.Deployed{}, functionError(err)
	}
	c := code{module, v.Hash}
	if r.Canary != nil {
		return a.try(ctx, r.Owner, r.Name, r.By, r.Canary, c, func() error { return nil })
	}
	if r.Shadow != "" {
		return a.follow(ctx, r.Owner, r.Name, r.By, r.Shadow, c, func() error { return nil })
	}
	return a.change(ctx, r.Owner, r.Name, c, runEverywhere(v.Hash), func() (function.Version, error) {
		return a.n.functions.Activate(r.Owner, r.Name, v.Hash)
	})
}

// Rollback gives up what is tried out, canary and shadow; if nothing is, it makes
// the version active that was so before.
func (a functionsAPI) Rollback(ctx context.Context, owner, name string) (admin.Deployed, error) {
	if err := fromFile(a.current(), owner, name); err != nil {
		return admin.Deployed{}, err
	}
	if f, _ := a.n.functions.Named(owner, name); f.Canary != nil || f.Shadow != nil {
		next := func(f *function.Function) { f.Canary, f.Shadow = nil, nil }
		return a.change(ctx, owner, name, code{}, next, func() (function.Version, error) { return a.n.functions.GiveUp(owner, name) })
	}
	v, err := a.n.functions.Before(owner, name)
	if err != nil {
		return admin.Deployed{}, functionError(err)
	}
	module, err := a.n.functions.Code(owner, name, v.Hash)
	if err != nil {
		return admin.Deployed{}, functionError(err)
	}
	return a.change(ctx, owner, name, code{module, v.Hash}, runEverywhere(v.Hash), func() (function.Version, error) {
		return a.n.functions.Rollback(owner, name)
	})
}

// change makes other versions of a function run: everything is built as next
// says, with c, which the store may not have yet; then keep makes it last, then
// it is swapped in. When change returns, requests get it.
func (a functionsAPI) change(ctx context.Context, owner, name string, c code, next func(*function.Function), keep func() (function.Version, error)) (admin.Deployed, error) {
	n := a.n
	n.mu.Lock()
	defer n.mu.Unlock()
	before, _ := n.functions.Named(owner, name)
	with := &override{owner: owner, name: name, stored: before, code: c}
	next(&with.stored)
	d := admin.Deployed{Owner: owner, Name: name, Previous: before.Active}
	err := n.apply(ctx, n.config, with, func() error {
		v, err := keep()
		d.Version = version(v)
		return err
	})
	if err != nil {
		return admin.Deployed{}, functionError(err)
	}
	after, _ := n.functions.Named(owner, name)
	d.Active = after.Active == d.Version.Hash
	d.Canary, d.Shadow = a.canary(after), a.shadow(after)
	n.log.Info("function changed", "owner", owner, "function", name, "version", short(after.Active), "was", short(before.Active), "canary", canaryText(after.Canary), "shadow", shadowText(after.Shadow))
	return d, nil
}

// short is a version's name as people write it.
func short(hash string) string { return hash[:min(len(hash), 12)] }

func (a functionsAPI) SetDisabled(ctx context.Context, owner, name string, disabled bool) error {
	n := a.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := a.describe(n.config, owner, name); !ok {
		return functionError(fmt.Errorf("function %s: %w", name, function.ErrUnknown))
	}
	if err := n.functions.SetDisabled(owner, name, disabled); err != nil {
		return functionError(err)
	}
	if err := n.apply(ctx, n.config, nil, nil); err != nil {
		// It cannot be loaded any more, so it stays off.
		return functionError(errors.Join(err, n.functions.SetDisabled(owner, name, true)))
	}
	n.log.Info("function switched", "owner", owner, "function", name, "disabled", disabled)
	return nil
}

func (a functionsAPI) Delete(ctx context.Context, owner, name string) error {
	n := a.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := fromFile(n.config, owner, name); err != nil {
		return err
	}
	if _, ok := n.functions.Named(owner, name); !ok {
		return functionError(fmt.Errorf("function %s: %w", name, function.ErrUnknown))
	}
	return functionError(n.apply(ctx, n.config, &override{owner: owner, name: name}, func() error { return n.functions.Delete(owner, name) }))
}

func (a functionsAPI) Logs(owner, name string, cursor uint64, most int) ([]admin.LogLine, uint64) {
	lines, next := a.n.observer.Functions.After(owner, name, cursor, most)
	out := make([]admin.LogLine, len(lines))
	for i, l := range lines {
		out[i] = admin.LogLine(l)
	}
	return out, next
}

// functionError puts what the rooms say of a function into the API's words.
func functionError(err error) error {
	if err == nil {
		return nil
	}
	if e := moduleError(err); e != nil {
		return e
	}
	switch {
	case errors.Is(err, function.ErrName), errors.Is(err, function.ErrMessage), errors.Is(err, function.ErrTrial):
		return &admin.Error{Code: admin.Invalid, Message: err.Error()}
	case errors.Is(err, function.ErrUnknown):
		return &admin.Error{Code: admin.NotFound, Message: err.Error(), Hint: "wedge function list shows what there is"}
	case errors.Is(err, function.ErrNoTrial):
		return &admin.Error{Code: admin.Conflict, Message: err.Error(), Hint: "wedge function show tells which version runs, and for whom"}
	case errors.Is(err, function.ErrFirst):
		return &admin.Error{Code: admin.Conflict, Message: err.Error(), Hint: "wedge function show lists the versions that can be activated"}
	}
	return err
}

// moduleError says what is wrong with a module and how to mend it; nil if err
// is not about one.
func moduleError(err error) *admin.Error {
	e := &admin.Error{Code: admin.Invalid, Field: "module", Message: err.Error()}
	if r, ok := errors.AsType[*guest.Refused](err); ok {
		e.Hint = r.Hint
		return e
	}
	if r, ok := errors.AsType[*engine.Refused](err); ok {
		e.Hint = r.Hint
		return e
	}
	if _, ok := errors.AsType[*guest.InitError](err); ok {
		e.Hint = "the module fails while it initialises itself, before any hook: see wedge function logs, and mind that only config, secrets, log, clock and random work then"
		return e
	}
	if r, ok := errors.AsType[*noShadow](err); ok {
		return &admin.Error{Code: admin.Conflict, Message: r.Error(), Hint: "try it as a canary"}
	}
	if r, ok := errors.AsType[*crowded](err); ok {
		return &admin.Error{Code: admin.Conflict, Message: r.Error(), Hint: "wedge function promote or rollback ends a canary"}
	}
	if w, ok := errors.AsType[*wrongKind](err); ok {
		e.Message, e.Hint = w.Error(), w.hint() // once, however many routes bind it
		return e
	}
	return nil
}
