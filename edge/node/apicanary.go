package node

import (
	"context"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/function"
)

// try makes a version run for some of the exchanges; keep brings it into the
// store, if it is not there yet.
func (a functionsAPI) try(ctx context.Context, owner, name, by string, q *admin.CanaryRequest, c code, keep func() error) (admin.Deployed, error) {
	t, err := canaryOf(q)
	if err != nil {
		return admin.Deployed{}, functionError(err)
	}
	t.Version, t.By = c.hash, by
	next := func(f *function.Function) {
		if f.Active == "" || f.Active == c.hash {
			return // the store refuses it, with words
		}
		f.Canary = &t
	}
	return a.change(ctx, owner, name, c, next, func() (function.Version, error) {
		if err := keep(); err != nil {
			return function.Version{}, err
		}
		return a.n.functions.Try(owner, name, t)
	})
}

// canaryOf reads what was asked for.
func canaryOf(q *admin.CanaryRequest) (c function.Canary, err error) {
	if q.Share != "" {
		if c.Share, err = function.ParseShare(q.Share); err != nil {
			return c, err
		}
	}
	if q.Header != "" {
		if c.Header, c.Value, err = function.ParseField(q.Header); err != nil {
			return c, err
		}
	}
	c.Cookie = q.Cookie
	if q.RollbackOn != "" {
		if c.Budget.Rules, err = function.ParseRules(q.RollbackOn); err != nil {
			return c, err
		}
		c.Budget.Window, c.Budget.Least = function.Duration(q.Window), q.Calls
		if err := c.Budget.Check(); err != nil {
			return c, err
		}
	}
	return c, c.Check()
}

func (a functionsAPI) Promote(ctx context.Context, owner, name string) (admin.Deployed, error) {
	if err := fromFile(a.current(), owner, name); err != nil {
		return admin.Deployed{}, err
	}
	next := func(f *function.Function) {
		if f.Canary != nil {
			f.Active, f.Canary, f.Shadow = f.Canary.Version, nil, nil
		}
	}
	return a.change(ctx, owner, name, code{}, next, func() (function.Version, error) { return a.n.functions.Promote(owner, name) })
}

// endCanary gives a canary up, if it is still that version.
func (a functionsAPI) endCanary(ctx context.Context, owner, name, version string, how function.How, why string) (admin.Deployed, error) {
	next := func(f *function.Function) { f.Canary = nil }
	return a.change(ctx, owner, name, code{}, next, func() (function.Version, error) {
		return a.n.functions.EndCanary(owner, name, version, how, why)
	})
}

// canary is what the API tells of a function's canary; nil if there is none.
func (a functionsAPI) canary(f function.Function) *admin.Canary {
	c := f.Canary
	if c == nil {
		return nil
	}
	out := &admin.Canary{Version: c.Version, Cookie: c.Cookie, RollbackOn: c.Budget.String(), Began: c.Began, By: c.By}
	if c.Share > 0 {
		out.Share = c.Share.String()
	}
	if c.Header != "" {
		out.Header = c.Header + ": " + c.Value
	}
	w := a.n.live.watchOf(f.Owner, f.Name, c.Version)
	if w == nil {
		return out // switched off
	}
	s := w.Standing(time.Now())
	out.Calls, out.Failed, out.Held, out.Broken = s.Calls, s.Failed, s.Held, s.Broken
	for i, r := range c.Budget.Rules {
		if i < len(s.Bad) {
			out.Budget = append(out.Budget, admin.CanaryRule{Rule: r.String(), Bad: s.Bad[i], Calls: s.Window})
		}
	}
	return out
}

// canaryText is a canary in one word of the log.
func canaryText(c *function.Canary) string {
	if c == nil {
		return "none"
	}
	return short(c.Version)
}
