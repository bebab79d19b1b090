package journal

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// errUnknown is why a part of a record cannot be had.
var errUnknown = errors.New("journal: the record ends here")

// found writes down what a hook finds in x. From then on the bodies that x has are written down as they are read; taps takes
// what does that, to be taken out again by untap.
func (t *Tape) found(x *exchange.Exchange, taps *[2]*tap) State {
	s := look(x)
	s.Request.Body = t.tapped(&x.Request.Body, &taps[0])
	s.Response.Body = t.tapped(&x.Response.Body, &taps[1])
	return s
}

func (t *Tape) tapped(at *exchange.Body, to **tap) *Body {
	switch b := (*at).(type) {
	case nil:
		*to = nil
		return nil
	case *exchange.BytesBody:
		*to = nil
		return whole(b.Bytes())
	}
	p := &tap{tape: t, inner: *at, to: &Body{}}
	*at, *to = p, p
	return p.to
}

// untap takes the taps out of bodies that nobody has touched: whoever knows them again shall.
func untap(x *exchange.Exchange, taps *[2]*tap) {
	for i, at := range []*exchange.Body{&x.Request.Body, &x.Response.Body} {
		if t := taps[i]; t != nil && *at == exchange.Body(t) && len(t.to.Pieces) == 0 && !t.to.Ended && !t.to.Broken {
			*at = t.inner
		}
	}
}

// leaves writes down what a hook has left in x that began with before. Bodies are those that the hook has put there; one that
// is made while it is sent is written down then, and over is called when it is closed.
func (t *Tape) leaves(x *exchange.Exchange, before *[2]exchange.Body, streaming bool, over func()) State {
	s := look(x)
	for i, at := range []*exchange.Body{&x.Request.Body, &x.Response.Body} {
		m := []*Message{&s.Request, &s.Response}[i]
		switch b := (*at).(type) {
		case nil:
			if before[i] != nil {
				m.Body = &Body{Ended: true} // it was taken away
			}
		case *exchange.BytesBody:
			if *at != before[i] {
				m.Body = whole(b.Bytes())
			}
		default:
			if streaming && i == 1 {
				p := &tap{tape: t, inner: *at, to: &Body{}, closed: over}
				*at, m.Body = p, p.to
			}
		}
	}
	return s
}

func look(x *exchange.Exchange) (s State) {
	q, r := &x.Request, &x.Response
	t := func(s string) Text { return Text(strings.Clone(s)) }
	s.Request = Message{Method: t(q.Method), Scheme: t(q.Scheme), Host: t(q.Host), Path: t(q.Path), Query: t(q.Query), HasQuery: q.HasQuery,
		Proto: q.Proto.String(), Header: Fields(&q.Header), Length: q.ContentLength}
	s.Response = Message{Status: r.Status, Header: Fields(&r.Header), Length: r.ContentLength}
	c := &x.Choices
	s.Choices = Choices{IgnoreQuery: list(c.Key.IgnoreQuery), IgnoreAllQuery: c.Key.IgnoreAllQuery, SortQuery: c.Key.SortQuery, LowerCase: c.Key.LowerCase,
		Bypass: c.Bypass, Revalidate: c.Revalidate, NoStore: c.NoStore, Origin: t(c.Origin), Tags: list(c.Tags), TTL: duration(c.TTL), Grace: duration(c.Grace)}
	for _, p := range c.Key.Parts {
		s.Choices.KeyParts = append(s.Choices.KeyParts, Field{t(p.Name), t(p.Value)})
	}
	if c.Key.HasReplace {
		v := t(c.Key.Replace)
		s.Choices.KeyReplace = &v
	}
	for name, value := range x.Vars.All() {
		s.Vars = append(s.Vars, Field{t(name), t(value)})
	}
	s.Outcome, s.Reason, s.Failure = word(x.Outcome.String()), x.Reason.String(), exchange.ReasonOf(x.Err, exchange.ReasonNone).String()
	return s
}

// word is "" for what is none.
func word(s string) string {
	if s == "none" {
		return ""
	}
	return s
}

// Fields are the field lines of h, copied.
func Fields(h *exchange.Header) (l []Field) {
	for f := range h.All() {
		l = append(l, Field{Text(strings.Clone(f.Name)), Text(strings.Clone(f.Value))})
	}
	return l
}

func list(l []string) []Text {
	if len(l) == 0 {
		return nil
	}
	return texts(l...)
}

func duration(d exchange.Duration) *int64 {
	if !d.Set {
		return nil
	}
	n := int64(d.Value)
	return &n
}

func optional(n *int64) exchange.Duration {
	if n == nil {
		return exchange.Duration{}
	}
	return exchange.Duration{Value: time.Duration(*n), Set: true}
}

// Put makes x what it was when s was looked at. What x holds of bodies is dropped without being closed.
func Put(x *exchange.Exchange, s *State) {
	q, r := &x.Request, &x.Response
	q.Method, q.Scheme, q.Host, q.Path, q.Query, q.HasQuery = string(s.Request.Method), string(s.Request.Scheme), string(s.Request.Host), string(s.Request.Path), string(s.Request.Query), s.Request.HasQuery
	for p := exchange.ProtoUnknown; p <= exchange.HTTP3; p++ {
		if p.String() == s.Request.Proto {
			q.Proto = p
		}
	}
	put(&q.Header, s.Request.Header)
	q.ContentLength, q.Body = s.Request.Length, body(s.Request.Body)
	r.Status = s.Response.Status
	put(&r.Header, s.Response.Header)
	r.ContentLength, r.Body = s.Response.Length, body(s.Response.Body)
	c, from := &x.Choices, &s.Choices
	c.Key = exchange.KeyChoice{IgnoreAllQuery: from.IgnoreAllQuery, SortQuery: from.SortQuery, LowerCase: from.LowerCase}
	for _, p := range from.KeyParts {
		c.Key.Parts = append(c.Key.Parts, exchange.Field{Name: string(p.Name), Value: string(p.Value)})
	}
	for _, n := range from.IgnoreQuery {
		c.Key.IgnoreQuery = append(c.Key.IgnoreQuery, string(n))
	}
	if from.KeyReplace != nil {
		c.Key.Replace, c.Key.HasReplace = string(*from.KeyReplace), true
	}
	c.Bypass, c.Revalidate, c.NoStore, c.Origin, c.TTL, c.Grace = from.Bypass, from.Revalidate, from.NoStore, string(from.Origin), optional(from.TTL), optional(from.Grace)
	c.Tags = nil
	for _, t := range from.Tags {
		c.Tags = append(c.Tags, string(t))
	}
	for x.Vars.Len() > 0 {
		for name := range x.Vars.All() {
			x.Vars.Delete(name)
			break
		}
	}
	for _, v := range s.Vars {
		x.Vars.Set(string(v.Name), string(v.Value))
	}
	x.Reason, x.Err, x.Outcome = reasonOf(s.Reason), nil, exchange.OutcomeNone
	for o := range exchange.Outcomes {
		if exchange.Outcome(o).String() == s.Outcome {
			x.Outcome = exchange.Outcome(o)
		}
	}
	if s.Failure != "" {
		x.Err = &exchange.Error{Source: exchange.SourceNode, Op: "recorded", Reason: reasonOf(s.Failure)}
	}
}

func put(h *exchange.Header, l []Field) {
	h.Reset()
	for _, f := range l {
		h.Add(string(f.Name), string(f.Value))
	}
}

func body(b *Body) exchange.Body {
	if b == nil {
		return nil
	}
	return exchange.ReaderBody(&played{b: b})
}

// reasonOf is the reason of that word.
func reasonOf(word string) exchange.Reason {
	for r := range exchange.Reasons {
		if exchange.Reason(r).String() == word {
			return exchange.Reason(r)
		}
	}
	return exchange.ReasonNone
}

// ClientOf is who asked.
func ClientOf(c *exchange.Client) (out Client) {
	if c.Addr.IsValid() {
		out.Addr = c.Addr.String()
	}
	if c.PeerAddr.IsValid() {
		out.Peer = c.PeerAddr.String()
	}
	out.Port, out.Trusted = c.Port, c.Trusted
	if t := c.TLS; t != nil {
		out.TLS = &TLS{Version: t.Version, ServerName: Text(strings.Clone(t.ServerName)), Certificate: append([]byte(nil), t.ClientCertificate...)}
	}
	return out
}

// PutClient makes x one of that client.
func PutClient(x *exchange.Exchange, c *Client) {
	x.Client = exchange.Client{Port: c.Port, Trusted: c.Trusted}
	x.Client.Addr, _ = netip.ParseAddr(c.Addr) // zero if it was not known
	x.Client.PeerAddr, _ = netip.ParseAddr(c.Peer)
	if t := c.TLS; t != nil {
		x.Client.TLS = &exchange.TLS{Version: t.Version, ServerName: string(t.ServerName), ClientCertificate: t.Certificate}
	}
}
