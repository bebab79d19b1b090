package admin

import (
	"fmt"
	"io"
	"strings"
)

// A WarmRequest names what to ask for.
type WarmRequest struct {
	URLs   []string `json:"urls" doc:"At most 1000 URLs of sites of the owner."`
	Fields []Field  `json:"fields,omitempty" doc:"Header fields of each request, at most 100."`
}

// WarmList answers a WarmRequest, in its order.
type WarmList struct {
	URLs []Warmed `json:"urls"`
}

// Warmed is what came of one URL.
type Warmed struct {
	URL     string `json:"url"`
	Status  int    `json:"status" doc:"Of the response; 0 if there was none."`
	Outcome string `json:"outcome" doc:"As in the access log: hit if it was stored already, miss if it was fetched."`
	Reason  string `json:"reason,omitempty"`
	Stored  bool   `json:"stored" doc:"Whether it is stored now."`
	Bytes   int64  `json:"bytes"`
	Error   string `json:"error,omitempty"`
}

// A Push is a response to store.
type Push struct {
	URL    string
	Status int
	Fields []Field
	Body   io.Reader
	Length int64 // of Body in bytes, -1 if it is not known
}

// Pushed answers a push.
type Pushed struct {
	Owner string `json:"owner"`
	URL   string `json:"url"`
}

const maxWarmURLs = 1000

func (c *call) cacheWarm() (any, error) {
	q, err := decode[WarmRequest](c)
	if err != nil {
		return nil, err
	}
	c.object = fmt.Sprintf("%d urls", len(q.URLs))
	if n := len(q.URLs); n == 0 || n > maxWarmURLs {
		return nil, &Error{Code: Invalid, Field: "urls", Message: fmt.Sprintf("there are %d URLs", n), Hint: fmt.Sprintf("give 1 to %d at a time", maxWarmURLs)}
	}
	if len(q.Fields) > maxShowFields {
		return nil, &Error{Code: Invalid, Field: "fields", Message: "the request has more than 100 fields", Hint: "leave out those that decide nothing"}
	}
	list, err := c.s.opt.Cache.Warm(c.r.Context(), c.owner, q)
	return WarmList{list}, err
}

func (c *call) cachePush() (any, error) {
	p := Push{URL: c.query["url"], Status: int(c.count("status")), Length: c.r.ContentLength}
	c.object = "url " + withoutQuery(p.URL)
	for line := range strings.Lines(c.query["fields"]) {
		line = strings.TrimRight(line, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, &Error{Code: BadRequest, Field: "fields", Message: fmt.Sprintf("%.80q is no header field", line), Hint: "write one a line, as Name: value"}
		}
		if p.Fields = append(p.Fields, Field{name, strings.Trim(value, " \t")}); len(p.Fields) > maxShowFields {
			return nil, &Error{Code: BadRequest, Field: "fields", Message: "there are more than 100 fields", Hint: "leave out those that nobody reads"}
		}
	}
	if p.Status < 200 || p.Status > 599 {
		return nil, &Error{Code: BadRequest, Field: "status", Message: fmt.Sprintf("%d is no status of a final response", p.Status), Hint: "give one from 200 to 599"}
	}
	leave, err := c.upload()
	if err != nil {
		return nil, err
	}
	defer leave()
	body := c.body()
	p.Body = body
	if err := c.s.opt.Cache.Push(c.r.Context(), c.owner, p); err != nil {
		if body.failed != nil {
			return nil, body.failed
		}
		return nil, err
	}
	return Pushed{c.owner, p.URL}, nil
}
