package origin

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// connect makes a connection in a place that the caller has taken; it gives
// the place up if it fails.
func (p *pool) connect(ctx context.Context, s *server) (*conn, error) {
	began := time.Now()
	c, err := p.handshake(ctx, s)
	p.mu.Lock()
	defer p.mu.Unlock()
	event := Connection{Owner: p.def.Owner, Origin: p.def.Name, Server: s.authority, Open: s.open, Took: time.Since(began), Err: err}
	if err == nil {
		s.reached()
		p.u.o.Events.connected(event)
		return c, nil
	}
	if ctx.Err() != nil {
		p.leave(s)
		return nil, p.ended("connect to "+s.address, ctx.Err()) // it says nothing of the server
	}
	s.failed(time.Now())
	p.leave(s)
	event.Open = s.open
	p.u.o.Events.connected(event)
	e := p.failure("connect to", s, exchange.ReasonOriginConnect, err)
	e.Retry = true
	return nil, e
}

// handshake dials s, and speaks TLS if its URL says so.
func (p *pool) handshake(ctx context.Context, s *server) (*conn, error) {
	inner, cancel := context.WithTimeout(ctx, p.settings.ConnectTimeout)
	defer cancel()
	raw, err := p.dial(inner, "tcp", s.address)
	if err != nil {
		return nil, p.late(ctx, inner, err)
	}
	c := &conn{u: p.u, server: s, raw: raw, Conn: raw, probe: newProbe(raw)}
	if s.tls == nil {
		return c, nil
	}
	c.wire = &wire{Conn: raw}
	t := tls.Client(c.wire, s.tls)
	if err := t.HandshakeContext(inner); err != nil {
		raw.Close()
		return nil, p.late(ctx, inner, fmt.Errorf("tls: %w", err))
	}
	c.Conn = t
	return c, nil
}

// late tells what a time that was up means.
func (p *pool) late(ctx, inner context.Context, err error) error {
	if ctx.Err() == nil && inner.Err() != nil {
		return fmt.Errorf("no connection within %v: %w", p.settings.ConnectTimeout, err)
	}
	return err
}

// A wire is a TCP connection below TLS that remembers how it ended.
//
// crypto/tls reports the bare end of the stream at the edge of a record as
// io.EOF, just like a closing alert.
//
// "A response that has neither chunked transfer coding nor Content-Length is
// complete only if a valid closure alert has been received."
// https://www.rfc-editor.org/rfc/rfc9112#section-9.8
type wire struct {
	net.Conn
	ended atomic.Bool // the stream's end was seen: no alert came before it
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err == io.EOF {
		w.ended.Store(true)
	}
	return n, err
}
