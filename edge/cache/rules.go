package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/key"
	"github.com/wedgecdn/wedge/edge/cache/policy"
)

// A Mode is what configuration says of a route's caching.
type Mode = policy.Mode

// The modes; see policy.
const (
	Honour = policy.Honour
	Pass   = policy.Pass
	Force  = policy.Force
)

// Rules are what a route's configuration says of caching. They belong to an
// immutable table: the cache keeps the pointer while a request is under way.
type Rules struct {
	// Owner and Site are part of every key; purges reach one owner.
	Owner, Site string
	// Origin is the name of the route's origin; it is part of every key too.
	Origin string
	Mode   Mode
	// TTL is how long a response is fresh in mode Force.
	TTL time.Duration
	// StripSetCookie removes Set-Cookie from what is stored; without it such a
	// response is not stored.
	StripSetCookie bool
	// KeepSetCookie stores Set-Cookie with the response; see policy.Rules.
	KeepSetCookie bool
	// IgnoreCookies tells that fetches go out without Cookie.
	IgnoreCookies bool
	// KeyCookies are cookies whose values are part of the key.
	KeyCookies []string
	// Collapse lets requests for the same thing share one fetch.
	Collapse bool
	// Versions are the versions of the bound functions that run at on_fetch or
	// on_fetched; they are part of the key.
	Versions []string
	// ReadsPrivate tells that a function sees Cookie or Authorization at
	// on_fetch: every request passes.
	ReadsPrivate bool
	// IgnoreClientDirectives lets Cache-Control and Pragma of requests have no effect.
	IgnoreClientDirectives bool
	// MatchLanguage takes a stored response in the language that a request prefers
	// to all others for the one that the origin would choose, whatever
	// Accept-Language it was made for.
	MatchLanguage bool
	// ForwardRanges asks the origin for a range if nothing whole is stored, and
	// stores the part.
	ForwardRanges bool
	// Segment is the size of the segments by which longer responses are fetched
	// and stored, in bytes; 0 fetches everything whole. It takes the place of
	// ForwardRanges, and is not for routes without Collapse, nor for those on which
	// functions change what is stored.
	Segment int64
	// Whole is the function because of which Segment is 0 although configuration
	// says otherwise; "" if there is none. It is for those who ask.
	Whole string
	// WhileRevalidate, IfError, Heuristic and Statuses are times that hold where
	// a response says nothing of its own, Target is a targeted field's name; see
	// policy.Rules.
	WhileRevalidate, IfError time.Duration
	Heuristic                time.Duration
	Statuses                 []Status
	Target                   string
}

// A Status is a lifetime for responses of a status.
type Status = policy.Status

func (r *Rules) policy() policy.Rules {
	return policy.Rules{Mode: r.Mode, TTL: r.TTL, StripSetCookie: r.StripSetCookie, KeepSetCookie: r.KeepSetCookie, IgnoreCookies: r.IgnoreCookies,
		ReadsPrivate: r.ReadsPrivate, IgnoreClientDirectives: r.IgnoreClientDirectives, WhileRevalidate: r.WhileRevalidate, IfError: r.IfError,
		Heuristic: r.Heuristic, Statuses: r.Statuses, Target: r.Target, MatchLanguage: r.MatchLanguage, ForwardRanges: r.ForwardRanges}
}

func (r *Rules) key() key.Config {
	return key.Config{Owner: r.Owner, Site: r.Site, Origin: r.Origin, Versions: r.Versions, Cookies: r.KeyCookies}
}

// leastDisk is the least size of a cache on disk.
const leastDisk = 16 << 20

// validate says everything that is wrong with the options.
func (o *Options) validate(least int64) error {
	var errs []error
	if o.Memory < least {
		errs = append(errs, fmt.Errorf("cache: memory of %d bytes is too little, give it at least %d", o.Memory, least))
	}
	if o.ObjectSize < 0 {
		errs = append(errs, fmt.Errorf("cache: the largest object cannot be %d bytes, give 0 for the default", o.ObjectSize))
	}
	if o.ReadAhead < 0 {
		errs = append(errs, fmt.Errorf("cache: the read-ahead cannot be %d bytes, give 0 for the default", o.ReadAhead))
	}
	if o.HitForMiss < 0 {
		errs = append(errs, fmt.Errorf("cache: hit-for-miss cannot last %v, give 0 for the default", o.HitForMiss))
	}
	if d := &o.Disk; d.Size != 0 && d.Size < leastDisk {
		errs = append(errs, fmt.Errorf("cache: a disk of %d bytes is too little, give it at least %d, or 0 for none", d.Size, leastDisk))
	}
	if d := &o.Disk; d.Size != 0 && d.Folder == "" && d.FS == nil {
		errs = append(errs, errors.New("cache: a cache on disk needs a folder"))
	}
	return errors.Join(errs...)
}
