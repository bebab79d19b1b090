package admin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// maxConnections bounds the connections, and with them what callers that
	// nobody knows can make the node hold.
	maxConnections = 256
	// maxUploads bounds the bodies that are held in memory at one time.
	maxUploads = 8
	// maxTrials bounds the versions that are tested or described at one time.
	maxTrials = 4
	// uploadWait is how long a request waits for its turn to upload.
	uploadWait = 10 * time.Second

	headerTimeout = 5 * time.Second
	// bodySilence is the longest silence while a body arrives, writeTimeout the
	// longest while an answer is taken.
	bodySilence  = 30 * time.Second
	writeTimeout = 30 * time.Second
	// bodyTimeout is how long a body may take in all.
	bodyTimeout = 10 * time.Minute
	// workTimeout is how long a write may take once its body is there.
	workTimeout = 5 * time.Minute
)

// A Server is the operators' API of one node. It is safe for concurrent use.
type Server struct {
	opt        Options
	operations []operation
	page       func() []byte // the OpenAPI page
	http       *http.Server
	audit      *auditLog
	attempts   attempts
	uploads    *places // of uploads under way
	trials     *places // likewise for tests and descriptions of versions

	// tokens is swapped whole and never nil.
	tokens atomic.Pointer[tokens]

	// applying lets one configuration be replaced at a time.
	applying sync.Mutex
}

// New makes a server. Close it to close its audit log.
func New(o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Server{opt: o, operations: operations(), uploads: newPlaces("uploads", maxUploads), trials: newPlaces("tests and descriptions", maxTrials)}
	if err := s.SetTokens(o.Tokens); err != nil {
		return nil, err
	}
	s.page = sync.OnceValue(func() []byte {
		b, err := json.MarshalIndent(openAPI(s.operations), "", "  ")
		if err != nil {
			panic("BUG: the OpenAPI page cannot be written: " + err.Error())
		}
		return b
	})
	var err error
	if s.audit, err = openAudit(o.AuditFile, o.AuditSize, o.AuditKeep); err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		// Bodies and answers that may take longer move their own deadlines.
		ReadTimeout:    bodySilence,
		WriteTimeout:   bodySilence + writeTimeout,
		IdleTimeout:    time.Minute,
		MaxHeaderBytes: 16 << 10,
		// What it says is about connections of peers that misbehave.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return s, nil
}

// Serve answers requests until Shutdown or Close; then it returns nil.
func (s *Server) Serve(ln net.Listener) error {
	if a, ok := ln.Addr().(*net.TCPAddr); ok && s.opt.Loopback && !a.IP.IsLoopback() {
		ln.Close()
		return fmt.Errorf("admin: %s is not on loopback, as the options say", a)
	}
	err := s.http.Serve(netutil.LimitListener(ln, maxConnections))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown lets requests under way finish, then closes the audit log.
func (s *Server) Shutdown(ctx context.Context) error {
	return errors.Join(s.http.Shutdown(ctx), s.audit.close())
}

// Close cuts what is under way and closes the audit log.
func (s *Server) Close() error { return errors.Join(s.http.Close(), s.audit.close()) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := s.opt.Now()
	c := &call{s: s, w: &tally{ResponseWriter: w}, r: r, id: newID(), peer: peerOf(r)}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Wedge-Request", c.id)
	// Deferred, because a stream that breaks leaves by a panic.
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				c.bug(v)
			}
			defer panic(http.ErrAbortHandler)
		}
		if e := s.opt.Events.Served; e != nil {
			e(Served{Request: c.id, Operation: c.name(), Token: c.token(), Peer: c.peer, Status: c.w.status, Took: s.opt.Now().Sub(begin)})
		}
	}()
	answer, err := c.serve()
	c.finish(answer, err)
}

// serve does what a request asks for. Panics of handlers end here.
func (c *call) serve() (answer any, err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler {
			panic(v)
		}
		c.bug(v)
		answer, err = nil, c.internal()
	}()
	if err := c.s.fromHere(c.r); err != nil {
		return nil, err
	}
	if c.o, c.path, err = c.s.route(c.w, c.r); err != nil {
		return nil, err
	}
	if c.who, err = c.s.identify(c.w, c.r, c.o); err != nil {
		return nil, err
	}
	if err := permit(c.w, c.who, c.o); err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if c.o.write {
		if err := c.s.audit.healthy(); err != nil {
			c.s.auditFailed(err)
			return nil, &Error{Code: Unavailable, Message: "the audit log cannot be written, so nothing is changed", Hint: "look for the reason in the node's log; the disk may be full"}
		}
		// What has begun ends, whatever becomes of the caller: a line of the audit
		// log says what happened, not what was likely.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), bodyTimeout+workTimeout)
		defer cancel()
		c.r = c.r.WithContext(ctx)
	}
	return c.o.handle(c)
}

// bug tells of a panic; it is called while the stack of it is still there.
func (c *call) bug(v any) {
	if e := c.s.opt.Events.Bug; e != nil {
		e(c.id, c.name(), v, debug.Stack())
	}
}

func (s *Server) auditFailed(err error) {
	if s.opt.Events.AuditFailed != nil {
		s.opt.Events.AuditFailed(err)
	}
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// tally notes the status that was sent.
type tally struct {
	http.ResponseWriter
	status int
}

func (t *tally) WriteHeader(status int) {
	if t.status == 0 && status >= 200 {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tally) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find what it needs.
func (t *tally) Unwrap() http.ResponseWriter { return t.ResponseWriter }
