package node

import (
	"context"
	"slices"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/function"
)

// follow makes a version run on copies of exchanges; keep brings it into the
// store, if it is not there yet.
func (a functionsAPI) follow(ctx context.Context, owner, name, by, share string, c code, keep func() error) (admin.Deployed, error) {
	part, err := function.ParseShare(share)
	if err != nil {
		return admin.Deployed{}, functionError(err)
	}
	sh := function.Shadow{Version: c.hash, Share: part, Began: time.Now().UTC().Truncate(time.Millisecond), By: by}
	next := func(f *function.Function) {
		if f.Active == "" || f.Active == c.hash {
			return // the store refuses it, with words
		}
		f.Shadow = &sh
	}
	return a.change(ctx, owner, name, c, next, func() (function.Version, error) {
		if err := keep(); err != nil {
			return function.Version{}, err
		}
		return a.n.functions.Follow(owner, name, sh)
	})
}

// shadow is what the API tells of a function's shadow; nil if there is none.
func (a functionsAPI) shadow(f function.Function) *admin.Shadow {
	s := f.Shadow
	if s == nil {
		return nil
	}
	out := &admin.Shadow{Version: s.Version, Share: s.Share.String(), Began: s.Began, By: s.By, Differences: []admin.ShadowDifference{}}
	t := a.n.live.tallyOf(f.Owner, f.Name, s.Version)
	if t == nil {
		return out // switched off, or called by no site
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	out.Exchanges, out.Different, out.Failed = t.exchanges, t.differ, t.failed
	out.Unread, out.Asked, out.Skipped, out.Unnamed = t.unread, t.asked, t.skipped.Load(), t.unnamed
	if t.exchanges > 0 {
		out.FuelServed, out.Fuel = t.fuelServed/t.exchanges, t.fuel/t.exchanges
	}
	for _, d := range t.differences {
		out.Differences = append(out.Differences, admin.ShadowDifference{What: d.what, Count: d.count})
	}
	slices.SortStableFunc(out.Differences, func(x, y admin.ShadowDifference) int { return int(y.Count - x.Count) })
	return out
}

// shadowText is a shadow in one word of the log.
func shadowText(s *function.Shadow) string {
	if s == nil {
		return "none"
	}
	return short(s.Version)
}
