package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// cacheAPI puts URLs into normal form, as requests are, and purges and explains.
type cacheAPI struct{ n *Node }

func (a cacheAPI) Purge(_ context.Context, owner string, p admin.PurgeRequest) (uint64, error) {
	if !(*a.n.owners.Load())[owner] {
		// What is purged is remembered by owner for as long as the node runs, so
		// nobody may make owners up.
		return 0, &admin.Error{Code: admin.NotFound, Field: "owner", Message: "no site belongs to the owner " + quoted(owner), Hint: "leave the owner out for the default one, or name one that the configuration has"}
	}
	q := cache.PurgeRequest{Owner: owner, Tag: p.Tag, All: p.All, Soft: p.Soft}
	var err error
	if p.URL != "" {
		if q.URL, err = normalURL("url", p.URL); err != nil {
			return 0, err
		}
	}
	if p.Prefix != "" {
		if q.Prefix, err = normalURL("prefix", p.Prefix); err != nil {
			return 0, err
		}
	}
	r, err := a.n.cache.Purge(q)
	if err != nil {
		return 0, &admin.Error{Code: admin.Invalid, Message: err.Error()}
	}
	return r.Sequence, nil
}

// normalURL is the normal form of a URL as requests have it.
func normalURL(field, s string) (string, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme)
	bad := func(why string) error {
		return &admin.Error{Code: admin.Invalid, Field: field, Message: "the URL " + quoted(s) + ": " + why, Hint: "write it as http://shop.example/path"}
	}
	if !ok || scheme != "http" && scheme != "https" {
		return "", bad("it does not begin with http:// or https://")
	}
	host, path, found := strings.Cut(rest, "/")
	if !found {
		path = ""
	}
	authority, err := route.Authority(host, scheme)
	if err != nil {
		return "", bad("its host is none")
	}
	t, err := route.ParseTarget("/" + path)
	if err != nil {
		return "", bad(err.Error())
	}
	u := scheme + "://" + authority + t.Path
	if t.HasQuery {
		u += "?" + t.Query
	}
	return u, nil
}

func quoted(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return `"` + s + `"`
}

// Show asks the pipeline what would become of a request.
func (a cacheAPI) Show(_ context.Context, owner string, q admin.ShowRequest) (admin.Shown, error) {
	x, err := operatorsRequest(q.URL, q.Method, q.Fields, q.Client)
	if err != nil {
		return admin.Shown{}, err
	}
	e, err := a.n.pipeline.Explain(x, owner)
	if err != nil {
		return admin.Shown{}, foreign(owner, q.URL)
	}
	return shown(owner, &e), nil
}

// foreign says that a URL is of no site of the owner's.
func foreign(owner, url string) error {
	return &admin.Error{Code: admin.NotFound, Field: "url", Message: "no site of owner " + quoted(owner) + " has the host of " + quoted(url), Hint: `"wedge status" lists sites and their hosts`}
}

// operatorsRequest is a request that comes by the API and not from a client.
func operatorsRequest(url, method string, fields []admin.Field, client string) (*exchange.Exchange, error) {
	u, err := normalURL("url", url)
	if err != nil {
		return nil, err
	}
	method = cmp.Or(method, "GET")
	if !isToken(method) {
		return nil, invalid("method", "the method "+quoted(method)+" is no token", "write GET, HEAD or POST")
	}
	addr, err := netip.ParseAddr(cmp.Or(client, "127.0.0.1"))
	if err != nil {
		return nil, invalid("client", quoted(client)+" is no IP address", "write it as 192.0.2.7 or 2001:db8::7")
	}
	scheme, rest, _ := strings.Cut(u, "://")
	host, _, _ := strings.Cut(rest, "/")
	x := exchange.New()
	r := &x.Request
	r.Proto, r.Method, r.Scheme, r.Host, r.Target = exchange.HTTP11, method, scheme, host, rest[len(host):]
	x.Client.PeerAddr = addr
	x.Peer = nobody{}
	if err := addFields(&r.Header, fields); err != nil {
		x.Release()
		return nil, err
	}
	return x, nil
}

func addFields(h *exchange.Header, fields []admin.Field) error {
	for _, f := range fields {
		if !isToken(f.Name) || strings.ContainsFunc(f.Value, isControl) {
			return invalid("fields", "the field "+quoted(f.Name)+" is no header field", "a name is a token, a value has no line ends")
		}
		h.Add(f.Name, f.Value)
	}
	return nil
}

// Debug makes a token with which a client sees the cache keys of owner's sites.
func (a cacheAPI) Debug(owner string, end time.Time) (string, error) {
	if !(*a.n.owners.Load())[owner] {
		return "", &admin.Error{Code: admin.NotFound, Field: "owner", Message: "no site belongs to the owner " + quoted(owner), Hint: "leave the owner out for the default one, or name one that the configuration has"}
	}
	return a.n.debug.token(owner, end), nil
}

func invalid(field, message, hint string) error {
	return &admin.Error{Code: admin.Invalid, Field: field, Message: message, Hint: hint}
}

// shown is an explanation in the words of the API.
func shown(owner string, e *pipeline.Explanation) admin.Shown {
	s := admin.Shown{Owner: owner, Site: e.Site, Route: e.Route, Method: e.Method, URL: e.URL}
	if e.Rules != nil {
		s.Rules = rulesShown(e.Rules)
	}
	for _, d := range e.Functions {
		v := admin.Decision{Function: d.Function, Answered: d.Answered, Changed: d.Changed}
		if d.Failed != exchange.ReasonNone {
			v.Failed = d.Failed.String()
		}
		s.Functions = append(s.Functions, v)
	}
	word := func(r exchange.Reason) string {
		if r == exchange.ReasonNone {
			return ""
		}
		return r.String()
	}
	if e.Outcome != exchange.OutcomeNone {
		s.Outcome, s.Reason, s.Status = e.Outcome.String(), word(e.Reason), e.Status
		return s
	}
	c := &e.Cache
	s.Outcome = map[cache.State]exchange.Outcome{cache.Fresh: exchange.Hit, cache.Usable: exchange.Stale, cache.Stale: exchange.Stale, cache.Absent: exchange.Miss, cache.Bypass: exchange.Pass}[c.State].String()
	s.Reason, s.Variants = word(c.Reason), c.Variants
	if c.Forward != exchange.ForwardNone {
		s.Forward = c.Forward.String()
	}
	if c.Parts == nil {
		return s
	}
	s.Key = hex.EncodeToString(c.Key[:])
	for _, p := range c.Parts {
		s.Parts = append(s.Parts, admin.KeyPart(p))
	}
	for _, v := range c.Vary {
		s.Vary = append(s.Vary, admin.Varies(v))
	}
	if c.Stored != nil {
		s.Stored = storedShown(c.Stored)
	}
	return s
}

func storedShown(o *cache.Stored) *admin.Stored {
	f := &o.Facts
	s := &admin.Stored{Status: o.Status, Length: o.Length, Place: o.Place.String(), Segments: o.Segments, Present: o.SegmentsStored, URL: o.URL, Received: time.Unix(0, f.Received).UTC(), Purged: o.Purged,
		Age: o.Age.Seconds(), Lifetime: f.Lifetime.Seconds(), TTL: o.TTL.Seconds(), WhileRevalidate: f.WhileRevalidate.Seconds(), IfError: f.IfError.Seconds()}
	for h := range o.Header.All() {
		s.Fields = append(s.Fields, admin.Field{Name: h.Name, Value: h.Value})
	}
	for flag, name := range map[policy.Flags]string{policy.ValidateAlways: "no-cache", policy.NeverStale: "must-revalidate", policy.ForAuthorized: "for-authorized"} {
		if f.Flags&flag != 0 {
			s.Flags = append(s.Flags, name)
		}
	}
	slices.Sort(s.Flags)
	return s
}

// nobody is the peer of a request that no client sent.
type nobody struct{}

func (nobody) Gone() <-chan struct{}               { return nil }
func (nobody) Interim(int, *exchange.Header) error { return nil }

// isToken tells whether s is a token, as the names of methods and fields are
// (RFC 9110 §5.6.2).
func isToken(s string) bool {
	const others = "!#$%&'*+-.^_`|~"
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(others, c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isControl tells what no field value has (RFC 9110 §5.5).
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
