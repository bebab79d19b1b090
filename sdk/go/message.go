package wedge

import (
	"strings"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// RequestView is a request that can be read.
type RequestView struct{ Header HeaderView }

func part(p raw.Part) string {
	var buf [room]byte
	v, _ := text(raw.RequestPart(p, buf[:]), buf[:], func(b []byte) int32 { return raw.RequestPart(p, b) })
	return v
}

// Method is the request's method, case-sensitive.
func (RequestView) Method() string { return part(raw.PartMethod) }

// Scheme is "http" or "https".
func (RequestView) Scheme() string { return part(raw.PartScheme) }

// Host is the authority in lower case, without the scheme's default port.
func (RequestView) Host() string { return part(raw.PartHost) }

// Path is the path in normal form; it begins with "/" and has no dot segments.
func (RequestView) Path() string { return part(raw.PartPath) }

// Query is what follows "?", undecoded, or "".
func (RequestView) Query() string { return part(raw.PartQuery) }

// URI is the path, and "?" and the query if there is one.
func (RequestView) URI() string { return part(raw.PartURI) }

// Protocol is the version of HTTP that the client spoke: "1.0", "1.1", "2" or "3".
func (RequestView) Protocol() string { return part(raw.PartProtocol) }

// Cookie is the value of the first cookie of that name, and whether there is one. The value is what the client sent: it may be anything.
func (r RequestView) Cookie(name string) (string, bool) {
	for line := range r.Header.Values("Cookie") {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			if n, v, ok := strings.Cut(pair, "="); ok && strings.Trim(n, " \t") == name {
				return strings.Trim(v, " \t"), true
			}
		}
	}
	return "", false
}

// Request is a request that can be changed. A changed host or path changes what the cache and the origin see; it is not routed again.
type Request struct {
	RequestView
	Header Header // hides the view's
	Body   Body
}

// SetMethod changes the method; not to CONNECT or TRACE.
func (Request) SetMethod(m string) error {
	return failed(raw.RequestPartSet(raw.PartMethod, m), "set method", m)
}

// SetHost changes the host.
func (Request) SetHost(host string) error {
	return failed(raw.RequestPartSet(raw.PartHost, host), "set host", host)
}

// SetPath changes the path. It must begin with "/"; dot segments, backslashes and control characters are ErrInvalid.
func (Request) SetPath(path string) error {
	return failed(raw.RequestPartSet(raw.PartPath, path), "set path", path)
}

// SetQuery changes what follows "?"; "" removes it together with the "?".
func (Request) SetQuery(query string) error {
	return failed(raw.RequestPartSet(raw.PartQuery, query), "set query", query)
}

// SetURI changes path and query at once.
func (Request) SetURI(uri string) error {
	return failed(raw.RequestPartSet(raw.PartURI, uri), "set URI", uri)
}

func newView() RequestView { return RequestView{HeaderView{raw.MessageRequest}} }

func newRequest() Request {
	return Request{newView(), Header{HeaderView{raw.MessageRequest}}, Body{raw.MessageRequest}}
}

// Response is a response that can be read and changed.
type Response struct {
	Header Header
	Body   Body
}

// Status is the status code.
func (Response) Status() int { return max(0, int(raw.ResponseStatus())) }

// SetStatus changes the status code, 200 to 599; to 204 or 304 only if there is no body.
func (Response) SetStatus(code int) error {
	return failed(raw.ResponseStatusSet(int32(code)), "set status", "")
}

func newResponse() Response {
	return Response{Header{HeaderView{raw.MessageResponse}}, Body{raw.MessageResponse}}
}
