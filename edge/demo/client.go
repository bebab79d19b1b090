package demo

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A request is what the tour sends.
type request struct {
	uri    string
	to     string // the address; "" is the node's
	host   string // the Host field, if it is not the address
	fields []string
	say    string // what to print beside the URI; "" prints the fields
}

// with is the request with one more field.
func (r request) with(name, value string) request {
	r.fields = append(r.fields[:len(r.fields):len(r.fields)], name, value)
	return r
}

// as is the request with other words for its fields.
func (r request) as(say string) request { r.say = say; return r }

// A reply is what came back, and what the node logged of it.
type reply struct {
	request request
	err     error
	status  int
	header  http.Header
	body    string
	took    time.Duration
	logged  *line // nil until the access log was read, and for what the node did not answer
}

// hit tells whether Cache-Status says that a stored response was used. The node's member is the last.
func (r *reply) hit() bool {
	all := r.header.Values("Cache-Status")
	if len(all) == 0 {
		return false
	}
	_, params, _ := strings.Cut(all[len(all)-1], ";")
	for p := range strings.SplitSeq(params, ";") {
		if strings.TrimSpace(p) == "hit" {
			return true
		}
	}
	return false
}

// number is the origin's number for the request that made this response; 0 if no origin made it.
func (r *reply) number() int {
	n, err := strconv.Atoi(r.header.Get("X-Origin-Request"))
	if err != nil {
		return 0
	}
	return n
}

// outcome is what the access log says.
func (r *reply) outcome() string {
	if r.logged == nil {
		return ""
	}
	return r.logged.Outcome
}

// cookie returns the value of a cookie that the response sets.
func (r *reply) cookie(name string) (string, bool) {
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if c.Name == name {
			return c.Value, true
		}
	}
	return "", false
}

// A visitor sends requests as curl does: no cookies kept, no redirects followed.
type visitor struct {
	client http.Client
	node   string
}

func newVisitor(node string) *visitor {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true,
	}
	return &visitor{node: node, client: http.Client{
		Transport:     transport,
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (v *visitor) close() { v.client.CloseIdleConnections() }

// get sends one request.
func (v *visitor) get(ctx context.Context, q request) *reply {
	began := time.Now()
	r := &reply{request: q}
	to := q.to
	if to == "" {
		to = v.node
	}
	h, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+to+q.uri, nil)
	if err != nil {
		r.err = err
		return r
	}
	h.Host = q.host
	h.Header.Set("User-Agent", "wedge-tour/1")
	for i := 0; i+1 < len(q.fields); i += 2 {
		h.Header.Set(q.fields[i], q.fields[i+1])
	}
	w, err := v.client.Do(h)
	if err != nil {
		r.err = err
		return r
	}
	defer w.Body.Close()
	body, err := io.ReadAll(io.LimitReader(w.Body, 4<<20))
	r.err, r.status, r.header, r.body, r.took = err, w.StatusCode, w.Header, string(body), time.Since(began)
	return r
}
