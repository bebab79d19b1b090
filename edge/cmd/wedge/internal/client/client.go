package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	connectTime = 5 * time.Second  // until a connection stands
	answerTime  = 30 * time.Second // until an answer begins, once the request is sent
	workTime    = 5 * time.Minute  // the same where the node compiles a module or writes a file of entries first
	silence     = 60 * time.Second // longest pause inside an answer
	maxAnswer   = 64 << 20         // of one JSON answer
)

// Options say which node is asked, and as whom.
type Options struct {
	Base  string // what ParseAddress returned
	Token string // bearer token; "" sends none
	Agent string // User-Agent
}

// Client asks one node. It is safe for concurrent use.
type Client struct {
	Options
	quick, slow *http.Client // they differ in how long the node may think
}

// New makes a client; nothing is sent before it is asked to.
func New(o Options) *Client {
	return &Client{o, newHTTP(answerTime), newHTTP(workTime)}
}

func newHTTP(think time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: connectTime}).DialContext,
			TLSHandshakeTimeout:   connectTime,
			ResponseHeaderTimeout: think,
			ExpectContinueTimeout: connectTime,
			DisableCompression:    true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A call is one request to the API.
type call struct {
	method string
	path   []string // its segments below /v1, as they are: escaping is done here
	query  url.Values
	body   io.Reader
	size   int64 // of body; -1 if it is not known
	media  string
	header http.Header // further fields
	slow   bool        // the node works before it answers: it compiles, writes much
}

// open sends a call and returns the answer, whose body the caller closes. An answer that is no success is an *Error.
func (c *Client) open(ctx context.Context, r call) (*http.Response, error) {
	u := c.Base + "/v1"
	for _, segment := range r.path {
		u += "/" + escape(segment)
	}
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, r.method, u, r.body)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("ask the node: %w", err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.body != nil {
		req.ContentLength = r.size
		req.Header.Set("Content-Type", r.media)
		if r.size < 0 || r.size > 1<<20 {
			req.Header.Set("Expect", "100-continue") // a refusal comes before the upload, not after it
		}
		if r.size == 0 {
			req.Body, req.GetBody = http.NoBody, nil // otherwise 0 means that the length is not known
		}
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	req.Header.Set("User-Agent", c.Agent)
	with := c.quick
	if r.slow {
		with = c.slow
	}
	res, err := with.Do(req)
	if err != nil {
		cancel()
		return nil, c.unreachable(err)
	}
	p := &patient{ReadCloser: res.Body, base: c.Base, cancel: cancel, timer: time.AfterFunc(silence, cancel)}
	p.timer.Stop()
	res.Body = p
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		return nil, c.refusal(res)
	}
	return res, nil
}

// escape makes one segment of a path. A segment of dots would be taken for a way through the tree, so its dots are
// escaped as well; servers undo that.
func escape(segment string) string {
	if strings.Trim(segment, ".") == "" {
		return strings.ReplaceAll(segment, ".", "%2E")
	}
	return url.PathEscape(segment)
}

// ask sends a call and decodes the answer's JSON into v.
func (c *Client) ask(ctx context.Context, r call, v any) error {
	res, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := c.readAll(res.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return &Foreign{Base: c.Base, Status: res.StatusCode, Err: err}
	}
	return nil
}

// readAll reads an answer that is held in memory whole.
func (c *Client) readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = &Broken{Base: c.Base, Err: fmt.Errorf("it is longer than %d MiB", maxAnswer>>20)}
	}
	return b, err
}

// patient is the body of an answer that may pause, but not for ever. Its errors are *Broken.
type patient struct {
	io.ReadCloser
	base   string
	cancel context.CancelFunc
	timer  *time.Timer // calls cancel when a read has waited for too long
}

func (p *patient) Read(b []byte) (int, error) {
	p.timer.Reset(silence) // only while it reads: who takes its time with what was read is no fault of the node
	n, err := p.ReadCloser.Read(b)
	late := !p.timer.Stop()
	if err == nil || err == io.EOF {
		return n, err
	}
	if late {
		err = fmt.Errorf("nothing came for %v", silence)
	}
	return n, &Broken{Base: p.base, Err: err}
}

func (p *patient) Close() error {
	p.timer.Stop()
	err := p.ReadCloser.Close()
	p.cancel()
	return err
}

// unreachable says in few words why there is no answer.
func (c *Client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without method and URL: the address is said by Unreachable
	}
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		err = fmt.Errorf("no address is known for %q", dns.Name)
	case errors.As(err, &op) && op.Op == "dial":
		if op.Timeout() {
			return &Unreachable{c.Base, fmt.Errorf("no connection within %v", connectTime)}
		}
		err = errors.Unwrap(op) // "connect: connection refused"
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
	default:
		return &Broken{Base: c.Base, Err: err}
	}
	return &Unreachable{c.Base, err}
}
