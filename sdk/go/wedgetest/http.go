//go:build !wasip1

package wedgetest

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// Bounds of a head that functions build.
const (
	maxHead   = 64 << 10
	maxFields = 512
)

func (h *host) RequestPart(part raw.Part, value []byte) int32 {
	if st := h.enter("request_part", 0); st != raw.StatusOK {
		return int32(st)
	}
	r := &h.x.Request
	switch part {
	case raw.PartMethod:
		return give(value, r.Method)
	case raw.PartScheme:
		return give(value, r.Scheme)
	case raw.PartHost:
		return give(value, r.Host)
	case raw.PartPath:
		return give(value, r.Path)
	case raw.PartQuery:
		if !r.HasQuery {
			return int32(raw.StatusAbsent)
		}
		return give(value, r.Query)
	case raw.PartURI:
		return give(value, r.URI())
	case raw.PartProtocol:
		return give(value, r.Protocol)
	}
	return int32(raw.StatusInvalid)
}

func (h *host) RequestPartSet(part raw.Part, v string) int32 {
	return h.do("request_part_set", func(x *Exchange) raw.Status {
		r := &x.Request
		path, query, has := strings.Cut(v, "?")
		switch part {
		case raw.PartMethod:
			if !isMethod(v) {
				return raw.StatusInvalid
			}
			r.Method = v
		case raw.PartHost:
			name, ok := normalHost(v, r.Scheme)
			if !ok {
				return raw.StatusInvalid
			}
			r.Host = name
		case raw.PartPath:
			p, ok := normalPath(v)
			if !ok {
				return raw.StatusInvalid
			}
			r.Path = p
		case raw.PartQuery:
			q, ok := normalQuery(v)
			if !ok {
				return raw.StatusInvalid
			}
			r.Query, r.HasQuery = q, q != ""
		case raw.PartURI:
			p, ok := normalPath(path)
			q, ok2 := normalQuery(query)
			if !ok || !ok2 {
				return raw.StatusInvalid
			}
			r.Path, r.Query, r.HasQuery = p, q, has
		case raw.PartScheme, raw.PartProtocol:
			return raw.StatusNotAllowed
		default:
			return raw.StatusInvalid
		}
		return raw.StatusOK
	})
}

func isMethod(m string) bool {
	return isToken(m) && len(m) <= 32 && m != "CONNECT" && m != "TRACE"
}

func isToken(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool {
		return r >= 0x7f || !isUnreserved(byte(r)) && !strings.ContainsRune("!#$%&'*+^`|", r)
	})
}

func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return strings.Trim(s, " \t") == s
}

// isReserved tells of fields that belong to the node.
func isReserved(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "transfer-encoding", "content-length", "trailer", "date", "age", "cdn-loop", "keep-alive", "proxy-connection",
		"proxy-authenticate", "proxy-authorization", "te", "upgrade", "host", "expect":
		return true
	}
	return false
}

// hides tells whether the hook does not see the field: what is fetched may be shared, so it must not depend on who asked.
func (h *host) hides(m raw.Message, name string) bool {
	if m != raw.MessageRequest || h.hook&(onFetch|onFetched|onError) == 0 {
		return false
	}
	return strings.EqualFold(name, "Authorization") && !h.node.ReadsAuthorization || strings.EqualFold(name, "Cookie") && !h.node.ReadsCookie
}

func (x *Exchange) header(m raw.Message) *Header {
	if m == raw.MessageRequest {
		return &x.Request.Header
	}
	return &x.Response.Header
}

func (h *host) Field(m raw.Message, name string, index int32, value []byte) int32 {
	if st := h.enter("field", m); st != raw.StatusOK {
		return int32(st)
	}
	v := h.x.header(m).Values(name)
	if index < 0 || int(index) >= len(v) || h.hides(m, name) {
		return int32(raw.StatusAbsent)
	}
	return give(value, v[index])
}

func (h *host) FieldCount(m raw.Message, name string) int32 {
	if st := h.enter("field_count", m); st != raw.StatusOK {
		return int32(st)
	}
	if h.hides(m, name) {
		return 0
	}
	return int32(len(h.x.header(m).Values(name)))
}

func (h *host) Fields(m raw.Message, pairs []byte) int32 {
	if st := h.enter("fields", m); st != raw.StatusOK {
		return int32(st)
	}
	seen := slices.DeleteFunc(slices.Clone(*h.x.header(m)), func(f Field) bool { return h.hides(m, f.Name) })
	return give(pairs, encodePairs(seen))
}

func encodePairs(list []Field) string {
	var b []byte
	for _, f := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Value)))
		b = append(append(b, f.Name...), f.Value...)
	}
	return string(b)
}

func (h *host) checkField(function string, into *Header, name, value string) raw.Status {
	switch {
	case !isToken(name) || !isFieldValue(value):
		return raw.StatusInvalid
	case isReserved(name):
		return h.deny(function)
	case len(*into) >= maxFields || into.size()+len(name)+len(value)+4 > maxHead:
		return raw.StatusLimit
	}
	return raw.StatusOK
}

func (h *host) FieldSet(m raw.Message, name, value string) int32 {
	return h.putField("field_set", m, name, value, (*Header).Set)
}

func (h *host) FieldAdd(m raw.Message, name, value string) int32 {
	return h.putField("field_add", m, name, value, (*Header).Add)
}

func (h *host) putField(function string, m raw.Message, name, value string, put func(h *Header, name, value string)) int32 {
	if st := h.enter(function, m); st != raw.StatusOK {
		return int32(st)
	}
	to := h.x.header(m)
	if st := h.checkField(function, to, name, value); st != raw.StatusOK {
		return int32(st)
	}
	put(to, strings.Clone(name), strings.Clone(value))
	h.touch(m, name)
	return 0
}

func (h *host) touch(m raw.Message, name string) {
	if m == raw.MessageResponse {
		h.x.touched[strings.ToLower(name)] = true
	}
}

func (h *host) FieldRemove(m raw.Message, name string) int32 {
	if st := h.enter("field_remove", m); st != raw.StatusOK {
		return int32(st)
	}
	to := h.x.header(m)
	switch {
	case !isToken(name):
		return int32(raw.StatusInvalid)
	case isReserved(name):
		return int32(h.deny("field_remove"))
	case !to.Has(name) && h.hides(m, name):
		return 0
	case !to.Has(name):
		return int32(raw.StatusAbsent)
	}
	to.Remove(name)
	h.touch(m, name)
	return 0
}

func (h *host) ResponseStatus() int32 {
	if st := h.enter("response_status", 0); st != raw.StatusOK {
		return int32(st)
	}
	return int32(h.x.Response.Status)
}

func (h *host) ResponseStatusSet(code int32) int32 {
	return h.do("response_status_set", func(x *Exchange) raw.Status {
		if code < 200 || code > 599 || isBodiless(code) && len(x.Response.Body) > 0 {
			return raw.StatusInvalid
		}
		x.Response.Status = int(code)
		return raw.StatusOK
	})
}

func isBodiless(code int32) bool { return code == 204 || code == 304 }

func (h *host) Respond(code int32, content []byte) int32 {
	return h.do("respond", func(x *Exchange) raw.Status {
		switch {
		case code < 200 || code > 599 || isBodiless(code) && len(content) > 0:
			return raw.StatusInvalid
		case len(content) > h.node.MaxBody:
			return raw.StatusTooLarge
		}
		x.Response = Response{Status: int(code), Body: slices.Clone(content)}
		x.replied, x.set[1] = true, true
		return raw.StatusOK
	})
}

func (h *host) Failure(word []byte) int32 {
	if st := h.enter("failure", 0); st != raw.StatusOK {
		return int32(st)
	}
	if h.hook != onError || h.x.Failure == "" {
		return int32(raw.StatusAbsent)
	}
	return give(word, h.x.Failure)
}

func (h *host) Client(fact raw.Fact, value []byte) int32 {
	if st := h.enter("client", 0); st != raw.StatusOK {
		return int32(st)
	}
	if fact > raw.FactNetwork {
		return int32(raw.StatusInvalid)
	}
	v := h.x.Client[wedge.Fact(fact)]
	if v == "" && fact == raw.FactNetwork {
		v = network(h.x.Client[wedge.Address])
	}
	if v == "" {
		return int32(raw.StatusAbsent)
	}
	return give(value, v)
}

// network is an address of IPv4 as it is, also of one written as IPv6, and the 64 bits in front of one of IPv6.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
