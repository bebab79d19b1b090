package wedge

import (
	"io"
	"iter"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// FetchRequest is a request of the function's own. It can go to the origins and hosts that the binding lists under fetch; any other is
// ErrNotAllowed.
type FetchRequest struct {
	Method string // "" is GET
	// Origin is the name of an origin. Target is then path and query.
	Origin string
	// Target is a whole URL if Origin is empty.
	Target string
	// Fields are the header's field lines: name, value, name, value.
	Fields  []string
	Body    []byte
	Timeout Duration // until the response's head must be there; 0 is the node's own
	// UseCache sends the request through the node's cache.
	UseCache bool
}

// Fetch sends a request and waits for the response's head. Close the response.
func Fetch(r *FetchRequest) (*FetchResponse, error) {
	p, err := Send(r)
	if err != nil {
		return nil, err
	}
	return p.Response()
}

// Pending is a request that is under way.
type Pending struct {
	handle int32
	target string
}

// Send sends a request and does not wait, so that several can be under way at once.
func Send(r *FetchRequest) (*Pending, error) {
	method := r.Method
	if method == "" {
		method = "GET"
	}
	h := raw.FetchNew(method, r.Origin, r.Target)
	if h < 0 {
		return nil, failed(h, "fetch", r.Origin+r.Target)
	}
	p := &Pending{h, r.Origin + r.Target}
	if n := p.fill(r); n < 0 {
		p.Close()
		return nil, failed(n, "fetch", p.target)
	}
	return p, nil
}

func (p *Pending) fill(r *FetchRequest) (n int32) {
	for i := 0; i < len(r.Fields) && n >= 0; i += 2 {
		if i+1 == len(r.Fields) {
			return int32(ErrInvalid)
		}
		n = raw.FetchFieldAdd(p.handle, r.Fields[i], r.Fields[i+1])
	}
	if n >= 0 && len(r.Body) > 0 {
		n = raw.FetchBodyAppend(p.handle, r.Body)
	}
	if n >= 0 && r.Timeout != 0 {
		n = raw.FetchOptionSet(p.handle, raw.FetchOptionTimeout, r.Timeout.milliseconds())
	}
	if n >= 0 && r.UseCache {
		n = raw.FetchOptionSet(p.handle, raw.FetchOptionUseCache, 1)
	}
	if n >= 0 {
		n = raw.FetchSend(p.handle)
	}
	return n
}

// Response waits for the response's head. If there is none, the request is closed.
func (p *Pending) Response() (*FetchResponse, error) {
	n := raw.FetchStatus(p.handle)
	if n < 0 {
		p.Close()
		return nil, failed(n, "fetch", p.target)
	}
	return &FetchResponse{Status: int(n), p: *p}, nil
}

// Close ends the request, whatever its state.
func (p *Pending) Close() error { return failed(raw.FetchClose(p.handle), "close fetch", p.target) }

// FetchResponse is a response to a request of the function's own. It is an io.Reader of its body, of which Body reads the whole. What is not closed
// ends with the exchange.
type FetchResponse struct {
	Status int
	p      Pending
	err    error // how the body ended
}

// Lookup is the value of the first field line of that name, and whether there is one.
func (r *FetchResponse) Lookup(name string) (string, bool) { return r.at(name, 0) }

// Value is the value of the first field line of that name, "" if there is none.
func (r *FetchResponse) Value(name string) string {
	v, _ := r.at(name, 0)
	return v
}

func (r *FetchResponse) at(name string, i int32) (string, bool) {
	var buf [room]byte
	h := r.p.handle
	v, n := text(raw.FetchField(h, name, i, buf[:]), buf[:], func(b []byte) int32 { return raw.FetchField(h, name, i, b) })
	return v, n >= 0
}

// Fields yields name and value of each field line in order.
func (r *FetchResponse) Fields() iter.Seq2[string, string] {
	var buf [4 * room]byte
	h := r.p.handle
	list, _ := text(raw.FetchFields(h, buf[:]), buf[:], func(b []byte) int32 { return raw.FetchFields(h, b) })
	return pairs(list)
}

// Read reads the next bytes of the body.
func (r *FetchResponse) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	n := raw.FetchBodyRead(r.p.handle, p)
	switch {
	case n == 0:
		r.err = io.EOF
	case n < 0:
		r.err = failed(n, "read body of fetch", r.p.target)
	}
	return max(0, int(n)), r.err
}

// Body reads what is left of the body, at most limit bytes; a longer one is ErrTooLarge.
func (r *FetchResponse) Body(limit int) ([]byte, error) {
	b := make([]byte, 0, min(limit+1, 4*room))
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):min(cap(b), limit+1)])
		b = b[:len(b)+n]
		switch {
		case len(b) > limit:
			return nil, &OpError{"read body of fetch", r.p.target, ErrTooLarge}
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		}
	}
}

// Close ends the request; what was not read of the body is dropped.
func (r *FetchResponse) Close() error { return r.p.Close() }
