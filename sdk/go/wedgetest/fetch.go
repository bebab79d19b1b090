//go:build !wasip1

package wedgetest

import (
	"bytes"
	"net/url"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

const maxFetches = 32

// FetchRequest is a request of the function's own, as an origin or a host sees it.
type FetchRequest struct {
	Method   string
	Origin   string // its name, "" if Target is a URL
	Target   string
	Header   Header
	Body     []byte
	Timeout  time.Duration // 0 if the function set none
	UseCache bool
}

// FetchResponse is what it answers.
type FetchResponse struct {
	Status int
	Header Header
	Body   string
	// Cut breaks the body off at its end, TimedOut answers too late.
	Cut, TimedOut bool
}

// fetch is a request of the function's own: being made until sent, then there.
type fetch struct {
	r      FetchRequest
	serve  func(*FetchRequest) *FetchResponse
	sent   bool
	closed bool
	resp   *FetchResponse
	body   *bytes.Reader
}

func (h *host) FetchNew(method, origin, target string) int32 {
	return h.do("fetch_new", func(x *Exchange) raw.Status {
		if !isMethod(method) || len(target) > 16<<10 {
			return raw.StatusInvalid
		}
		serve, st := h.reaches(origin, target)
		if st != raw.StatusOK {
			return st
		}
		if len(x.fetch) == maxFetches {
			return raw.StatusLimit
		}
		x.fetch = append(x.fetch, &fetch{r: FetchRequest{Method: strings.Clone(method), Origin: strings.Clone(origin), Target: strings.Clone(target)}, serve: serve})
		return raw.Status(len(x.fetch))
	})
}

func (h *host) reaches(origin, target string) (func(*FetchRequest) *FetchResponse, raw.Status) {
	if origin != "" {
		path, query, _ := strings.Cut(target, "?")
		_, ok := normalPath(path)
		_, ok2 := normalQuery(query)
		if !ok || !ok2 {
			return nil, raw.StatusInvalid
		}
		if serve := h.node.origins[origin]; serve != nil {
			return serve, raw.StatusOK
		}
		return nil, h.deny("fetch_new")
	}
	u, err := url.Parse(target)
	if err != nil || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) ||
		u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, raw.StatusInvalid
	}
	if serve := h.node.hosts[hostKey(u)]; serve != nil {
		return serve, raw.StatusOK
	}
	return nil, h.deny("fetch_new")
}

// fetching enters a function on a request that is being made (sent is false) or under way.
func (h *host) fetching(function string, handle int32, sent bool, body func(f *fetch) raw.Status) int32 {
	return h.do(function, func(x *Exchange) raw.Status {
		if handle < 1 || int(handle) > len(x.fetch) || x.fetch[handle-1].closed {
			return raw.StatusBadHandle
		}
		f := x.fetch[handle-1]
		switch {
		case f.sent != sent:
			return raw.StatusInvalid
		case !sent:
		case f.resp == nil:
			return raw.StatusIO
		case f.resp.TimedOut:
			return raw.StatusTimeout
		}
		return body(f)
	})
}

func (h *host) FetchFieldAdd(handle int32, name, value string) int32 {
	return h.fetching("fetch_field_add", handle, false, func(f *fetch) raw.Status {
		if st := h.checkField("fetch_field_add", &f.r.Header, name, value); st != raw.StatusOK {
			return st
		}
		f.r.Header.Add(strings.Clone(name), strings.Clone(value))
		return raw.StatusOK
	})
}

func (h *host) FetchBodyAppend(handle int32, content []byte) int32 {
	return h.fetching("fetch_body_append", handle, false, func(f *fetch) raw.Status {
		if len(f.r.Body)+len(content) > h.node.MaxBody {
			return raw.StatusTooLarge
		}
		f.r.Body = append(f.r.Body, content...)
		return raw.StatusOK
	})
}

func (h *host) FetchOptionSet(handle int32, option raw.FetchOption, value int64) int32 {
	return h.fetching("fetch_option_set", handle, false, func(f *fetch) raw.Status {
		switch option {
		case raw.FetchOptionTimeout:
			d, ok := span(value)
			if !ok || d == 0 {
				return raw.StatusInvalid
			}
			f.r.Timeout = d
		case raw.FetchOptionUseCache:
			if value < 0 || value > 1 {
				return raw.StatusInvalid
			}
			f.r.UseCache = value == 1
		default:
			return raw.StatusInvalid
		}
		return raw.StatusOK
	})
}

func (h *host) FetchSend(handle int32) int32 {
	return h.fetching("fetch_send", handle, false, func(f *fetch) raw.Status {
		f.sent = true
		if f.resp = f.serve(&f.r); f.resp != nil {
			f.body = bytes.NewReader([]byte(f.resp.Body))
		}
		return raw.StatusOK
	})
}

func (h *host) FetchStatus(handle int32) int32 {
	return h.fetching("fetch_status", handle, true, func(f *fetch) raw.Status { return raw.Status(f.resp.Status) })
}

func (h *host) FetchField(handle int32, name string, index int32, value []byte) int32 {
	return h.fetching("fetch_field", handle, true, func(f *fetch) raw.Status {
		v := f.resp.Header.Values(name)
		if index < 0 || int(index) >= len(v) {
			return raw.StatusAbsent
		}
		return raw.Status(give(value, v[index]))
	})
}

func (h *host) FetchFields(handle int32, pairs []byte) int32 {
	return h.fetching("fetch_fields", handle, true, func(f *fetch) raw.Status { return raw.Status(give(pairs, encodePairs(f.resp.Header))) })
}

func (h *host) FetchBodyRead(handle int32, content []byte) int32 {
	return h.fetching("fetch_body_read", handle, true, func(f *fetch) raw.Status {
		if len(content) == 0 {
			return raw.StatusInvalid
		}
		n, err := f.body.Read(content)
		if err != nil && f.resp.Cut {
			return raw.StatusIO
		}
		return raw.Status(n)
	})
}

func (h *host) FetchClose(handle int32) int32 {
	return h.do("fetch_close", func(x *Exchange) raw.Status {
		if handle < 1 || int(handle) > len(x.fetch) || x.fetch[handle-1].closed {
			return raw.StatusBadHandle
		}
		x.fetch[handle-1].closed = true
		return raw.StatusOK
	})
}
