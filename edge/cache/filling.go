package cache

import (
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/cache/disk"
	"github.com/wedgecdn/wedge/edge/cache/fill"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/cache/store"
	"github.com/wedgecdn/wedge/edge/cache/tag"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Filling is the leader's side of a fetch. Exactly one of Store, Refresh,
// Release, Share, Fail and Abandon ends the waiting; what is called after it
// does nothing. It belongs to the goroutine that fetches.
type Filling struct {
	c    *Cache
	r    *Rules
	f    *fill.Filling
	key  store.Key
	mark *tag.Mark // of the fetch: when it began, and for which URLs
	// ranged: key is that of one range, and whole that of the whole.
	ranged bool
	whole  store.Key
}

// A Verdict says whether a response may be stored (Store), whether it may also
// be given to the requests that wait (Share), for how long (Facts), and if not,
// why (Reason).
type Verdict = policy.Verdict

// Judge tells whether the response in fx may be stored. asked are the request's
// fields as they left on_request. It is called when the head is there.
func (c *Cache) Judge(fx *exchange.Exchange, asked *exchange.Header, r *Rules) Verdict {
	rules := r.policy()
	return policy.Judge(fx, asked, policy.Times{Requested: fx.Now, Received: c.now()}, &rules)
}

// Merge makes the response in fx, a 304, the stored response that it confirms,
// with its fields brought up to date and without a body. It is false if there
// is no such response (any more): then the 304 says nothing, and the origin has
// to be asked again without conditions.
func (c *Cache) Merge(f *Found, fx *exchange.Exchange, r *Rules) bool {
	if !f.valid() {
		return false
	}
	var stored exchange.Header
	f.object.Head.Unpack(&stored)
	if !policy.Freshens(&stored, &fx.Response.Header) {
		return false
	}
	rules := r.policy()
	policy.Merge(&stored, &fx.Response.Header, &rules)
	if fx.Response.Body != nil {
		fx.Response.Body.Close()
	}
	fx.Response.Status = f.object.Head.Status
	fx.Response.Header.CopyFrom(&stored)
	fx.Response.Body, fx.Response.Trailer, fx.Response.ContentLength = nil, nil, f.object.Content.Size()
	return true
}

// object makes what will be stored of the response in fx.
func (l *Filling) object(fx *exchange.Exchange, v *Verdict, variant store.Key, old *tag.Mark) *store.Object[kept] {
	o := &store.Object[kept]{Key: l.key, Variant: variant, Born: l.mark.Born()}
	if l.ranged && fx.Response.Status != 206 {
		// "A server MAY ignore the Range header field", or has another answer: it is
		// nothing of that range only.
		// https://www.rfc-editor.org/rfc/rfc9110#section-14.2
		o.Key = l.whole
	}
	o.Head = store.Pack(fx.Response.Status, &fx.Response.Header)
	o.Meta.facts = v.Facts
	o.Meta.mark.Inherit(l.mark, l.mark.Born())
	o.Meta.mark.SetTags(tagsOf(fx), old)
	o.Extra = int32(o.Meta.mark.Size())
	if l.c.tier != nil {
		join(o)
	}
	return o
}

// tagsOf are the tags of a response: those of its fields, and those that
// functions gave it.
func tagsOf(fx *exchange.Exchange) iter.Seq[string] {
	return func(yield func(string) bool) {
		h := &fx.Response.Header
		for v := range h.Values(exchange.SurrogateKey) {
			for t := range strings.FieldsSeq(v) {
				if !yield(t) {
					return
				}
			}
		}
		for v := range h.Values(exchange.CacheTag) {
			for t := range strings.SplitSeq(v, ",") {
				if t = strings.Trim(t, " \t"); t != "" && !yield(t) {
					return
				}
			}
		}
		for _, t := range fx.Choices.Tags {
			if !yield(t) {
				return
			}
		}
	}
}

// names are the fields on which the response varies, and the variant that it is.
func (l *Filling) names(fx *exchange.Exchange, asked *exchange.Header) ([]string, store.Key, exchange.Reason) {
	names, why := policy.VaryNames(nil, &fx.Response.Header)
	for i := range names {
		names[i] = strings.Clone(names[i])
	}
	rules := l.r.policy()
	return names, l.c.variant(names, asked, &rules), why
}

// strip leaves of the response's fields what may be kept, and is the Age that
// went.
func (l *Filling) strip(fx *exchange.Exchange) (age string) {
	h := &fx.Response.Header
	age = strings.Clone(h.Value(exchange.Age))
	rules := l.r.policy()
	policy.Strip(h, &rules)
	// The length is the body's.
	//
	// "Caches MAY either store trailer fields separate from header fields or discard
	// them. Caches MUST NOT combine trailer fields with header fields."
	// https://www.rfc-editor.org/rfc/rfc9111#section-3.1-5
	//
	// They are discarded: for the request that fetches as well, so that a hit is
	// never another message than the miss before it.
	h.DeleteKnown(exchange.ContentLength)
	h.DeleteKnown(exchange.Trailer)
	return age
}

// Store gives the response in fx to the requests that wait, streams its body to
// them and into the store, and returns when the body has come to its end. It
// reads fx.Response.Body but does not close it. The error is nil if the
// response has been stored; otherwise it is an *exchange.Error with the reason,
// and if the body was cut, nothing is stored and every reader has seen it.
func (l *Filling) Store(fx *exchange.Exchange, asked *exchange.Header, v Verdict) error {
	names, variant, why := l.names(fx, asked)
	if !v.Store {
		why = v.Reason
	}
	if why != exchange.ReasonNone {
		l.Release(why)
		return &exchange.Error{Op: "cache: store", Reason: why}
	}
	age := l.strip(fx)
	o := l.object(fx, &v, variant, nil)
	length := fx.Response.ContentLength
	if fx.Response.Body == nil {
		length = 0
	}
	w, give := l.sink(o, length)
	commit := func() bool {
		give()
		if why = l.insert(o, nil, names); why != exchange.ReasonNone {
			return false
		}
		l.insertByLanguage(o, fx, asked, names)
		if l.ranged && o.Head.Status == 206 {
			l.insertPart(o, fx, &v, names)
		}
		if l.c.events.Stored != nil {
			l.c.events.Stored(o.Content.Size())
		}
		return true
	}
	if v.Share {
		l.c.refused.Forget(l.key)
	} else {
		l.refuse()
	}
	flow := fill.Flow{
		Answer: fill.Answer{
			Names: names, Variant: variant, Own: !v.Share,
			Head: &shared{head: o.Head, facts: &o.Meta.facts, age: age, length: length, stored: true},
		},
		Guard: guard{&o.Meta.mark}, Length: length, Sink: w, Commit: commit,
	}
	if fx.Response.Body != nil {
		flow.Body = fx.Response.Body
	}
	fate, err := l.f.Stream(flow)
	fx.Cache.Stored = fate == fill.Kept
	switch {
	case errors.Is(err, fill.ErrUnwanted):
		return &exchange.Error{Source: exchange.SourceClient, Op: "cache: store", Reason: exchange.ReasonClientGone, Err: err}
	case err != nil:
		return &exchange.Error{Source: exchange.SourceOrigin, Op: "cache: store", Reason: exchange.ReasonOf(err, exchange.ReasonCut), Err: err}
	}
	switch fate {
	case fill.Kept:
		return nil
	case fill.Crowded:
		why = exchange.ReasonOverload
	case fill.TooLong:
		why = exchange.ReasonObjectTooLarge
	case fill.Rejected, fill.Broken, fill.Unkept:
		if why == exchange.ReasonNone { // the store did not take a chunk
			why = exchange.ReasonObjectTooLarge
		}
	}
	return &exchange.Error{Op: "cache: store", Reason: why}
}

// insert puts an object into the store, unless it has been purged already. old
// is the object that it confirms; nil if it is a new response.
func (l *Filling) insert(o, old *store.Object[kept], names []string) exchange.Reason {
	t := l.c.tier
	switch {
	case o.Meta.mark.State() == tag.Gone:
		return exchange.ReasonFillTooOld
	case o.Content.Lost():
		return exchange.ReasonEvicted
	case t != nil && old == nil:
		t.forget(o, names) // before and after, see tier
	}
	if !l.c.store.Insert(o, names) {
		now := l.c.store.Find(o.Key).Object(o.Variant)
		if t == nil || old != nil || o.Meta.disk.body == nil || now != nil && now.Born > o.Born {
			return exchange.ReasonFillTooOld // a newer one is there
		}
		// The body is so long that its list of blocks is too much for the index:
		// each request reads it anew.
		if now != nil {
			l.c.store.Remove(now, store.Replaced)
		}
	}
	switch {
	case t == nil:
	case old != nil:
		t.rehead(o, old, names)
	case o.Meta.disk.body != nil:
		t.disk.Commit(record(o, names), o.Meta.disk.body)
	default:
		t.forget(o, names)
		if t.disk.Admit(disk.Key(o.Key)) {
			t.want(o)
		}
	}
	return exchange.ReasonNone
}

// insertByLanguage puts a response that says which language it is in under that
// language as well, where configuration lets requests find it so. Both objects
// share the body.
//
// "When a nominated request header field has a known mechanism for ranking
// preference (e.g., qvalues on Accept and similar request header fields), that
// mechanism MAY be used to choose a preferred response."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.1
func (l *Filling) insertByLanguage(o *store.Object[kept], fx *exchange.Exchange, asked *exchange.Header, names []string) {
	if !l.r.MatchLanguage {
		return
	}
	rules := l.r.policy()
	variant, ok := l.c.languageVariant(names, asked, &rules, policy.Language(&fx.Response.Header))
	if !ok {
		return
	}
	twin := l.object(fx, &Verdict{Facts: o.Meta.facts}, variant, &o.Meta.mark)
	sameBody(twin, o)
	l.c.put(twin, names)
}

// errPurged is why a stored response cannot be confirmed.
var errPurged = errors.New("the stored response was purged or evicted while the origin confirmed it")

// Refresh gives the stored response of f, which Merge has brought up to date in
// fx, to the requests that wait, and stores its new head. If the stored
// response has been purged or lost meanwhile it is an error, and one of the
// requests, the leader's own first, gets the turn: to fetch without conditions.
// A verdict that forbids to store or to share is obeyed: then only the leader's
// own request gets the response. f stays the caller's to close.
func (l *Filling) Refresh(f *Found, fx *exchange.Exchange, asked *exchange.Header, v Verdict) error {
	names, variant, why := l.names(fx, asked)
	old := f.object
	// An older confirmation cannot revive what has been purged. A body that
	// cannot be opened any more is no body.
	if !f.valid() || !l.openable(old) {
		l.f.Again()
		return &exchange.Error{Op: "cache: refresh", Reason: exchange.ReasonPurged, Retry: true, Err: errPurged}
	}
	age := l.strip(fx)
	o := l.object(fx, &v, variant, &old.Meta.mark)
	sameBody(o, old)
	s := &shared{head: o.Head, facts: &o.Meta.facts, age: age, length: old.Content.Size(), object: o}
	own := !v.Share
	if v.Store && why == exchange.ReasonNone {
		if why = l.insert(o, old, names); why == exchange.ReasonNone {
			s.stored, fx.Cache.Stored = true, true
			l.insertByLanguage(o, fx, asked, names)
		}
	} else {
		own = true
		if v.Reason != exchange.ReasonNone {
			why = v.Reason
		}
		l.c.drop(old)
		// There are no facts of what is not kept. The origin answers here, and its
		// Age is the one that counts.
		s.facts = nil
	}
	if own {
		l.refuse()
	} else {
		l.c.refused.Forget(l.key)
	}
	l.f.Refresh(fill.Answer{Names: names, Variant: variant, Own: own, Head: s})
	if why != exchange.ReasonNone {
		return &exchange.Error{Op: "cache: refresh", Reason: why}
	}
	return nil
}

// openable tells whether the object's body is complete still.
func (l *Filling) openable(o *store.Object[kept]) bool {
	b, ok := l.c.open(o)
	if ok {
		b.Close()
	}
	return ok
}

// Release tells all who wait to fetch for themselves, since the response is not
// for sharing. For a while requests for the same do not wait for one another.
func (l *Filling) Release(why exchange.Reason) {
	if why != exchange.ReasonFillTooOld {
		l.refuse()
	}
	l.f.Release()
}

func (l *Filling) refuse() { l.c.refused.Add(l.key, l.c.now().Add(l.c.hfm)) }

// Share gives a response that was made here to all who wait; nothing is stored.
// The body must not change afterwards. With Set-Cookie it is the leader's own.
func (l *Filling) Share(fx *exchange.Exchange, body []byte) {
	l.strip(fx)
	h := store.Pack(fx.Response.Status, &fx.Response.Header)
	l.f.Share(fill.Answer{
		Own:  fx.Response.Header.Has(exchange.SetCookie),
		Head: &shared{head: h, length: int64(len(body))},
	}, body)
}

// Fail tells all who wait that the origin failed. For a moment what is stored is
// not refreshed either.
func (l *Filling) Fail(err error) {
	l.c.paused.Add(l.key, l.c.now().Add(refreshPause))
	l.f.Fail(err)
}

// refreshPause is how long after a fetch that failed none is made only to
// refresh what is stored: an origin in trouble is not asked by every request
// that can do without it.
const refreshPause = time.Second

// Abandon gives up: one of those who wait fetches, and the leader's own request
// is told that it failed.
func (l *Filling) Abandon() { l.f.Abandon() }
