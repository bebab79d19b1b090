package origin

import (
	"sync"
	"sync/atomic"
	"time"
)

// A tunnel is a connection whose protocol was changed. Each of its directions
// may be used by a goroutine, and anyone may close it. It has no deadlines:
// such protocols may be silent for as long as they like, and dead peers are
// TCP's keep-alive's to find.
type tunnel struct {
	p        *pool
	c        *conn
	began    time.Time
	sent     atomic.Int64
	received atomic.Int64
	closed   sync.Once
}

// newTunnel makes a tunnel of a transfer, which is over then.
func newTunnel(t *transfer) *tunnel {
	t.over = true
	u := &tunnel{p: t.p, c: t.c, began: t.began}
	u.sent.Store(t.sent)
	u.received.Store(t.c.received)
	return u
}

// Read reads what the server sends, beginning with what came with its head.
func (u *tunnel) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	buffered := u.c.r < u.c.w
	n, err := u.c.read(p)
	if !buffered {
		u.received.Add(int64(n))
	}
	return n, err
}

// Write sends to the server.
func (u *tunnel) Write(p []byte) (int, error) {
	n, err := u.c.Conn.Write(p)
	u.sent.Add(int64(n))
	return n, err
}

// CloseWrite tells the server that nothing more comes.
func (u *tunnel) CloseWrite() error { return u.c.closeWrite() }

// Close closes the connection, also under a Read. It may be called again.
func (u *tunnel) Close() error {
	u.closed.Do(func() {
		u.p.lose(u.c) // its buffer may be being read: it is left to the collector
		u.p.u.o.Events.ended(Transfer{Owner: u.p.def.Owner, Origin: u.p.def.Name, Server: u.c.server.authority,
			Sent: u.sent.Load(), Received: u.received.Load(), Took: time.Since(u.began)})
	})
	return nil
}
