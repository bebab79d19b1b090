package httpwasm

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// Features (features).
const (
	bufferRequest = 1 << iota
	bufferResponse
	trailers
	allFeatures = bufferRequest | bufferResponse | trailers
)

// maxLine bounds a line of the log; longer ones are cut.
const maxLine = 16 << 10

var errNotAllowed = services.ErrNotAllowed

// beforeNext ends a guest that does in handle_response what only handle_request may.
func (s *session) beforeNext(what string) {
	if s.after {
		s.trap("cannot %s after the next handler", what)
	}
}

// beforeNextOr ends a guest that does in handle_response what needs a feature there.
func (s *session) beforeNextOr(feature uint32, what string) {
	if s.after && s.features&feature == 0 {
		s.trap("cannot %s after the next handler without the feature buffer_response", what)
	}
}

func getConfig(s *session, a []uint64) uint64 { return s.give(a, 0, s.b.config) }

// enableFeatures returns the features that are enabled, as other hosts do; a guest looks there for what it has asked for.
//
// "If called during `handle_request`, any new features are only enabled for the scope of the current request."
// https://http-wasm.io/http-handler-abi/#enable_features
func enableFeatures(s *session, a []uint64) uint64 {
	wanted := uint32(a[0]) & allFeatures
	if s.in {
		s.features |= wanted
		return uint64(s.features)
	}
	return uint64(s.b.features.Or(wanted) | wanted)
}

// levels maps log_level, from -1 on.
var levels = [...]services.Level{services.Debug, services.Info, services.Warn, services.Error}

func log(s *session, a []uint64) uint64 {
	if level := int32(a[0]) + 1; level >= 0 && int(level) < len(levels) {
		b := s.view(a, 1)
		s.log(levels[level], b[:min(len(b), maxLine)], 0)
	}
	return 0
}

// logEnabled says no to debug, as other hosts do unless they are told: guests count on not being asked for it. A line of that
// level that one writes all the same is kept.
func logEnabled(s *session, a []uint64) uint64 {
	if level := int32(a[0]) + 1; level > 0 && int(level) < len(levels) && s.b.o.Services.Log != nil {
		return 1
	}
	return 0
}

// readBody writes the next bytes of a body.
//
//	read_body(kind=request, buf=16, buf_limit=4) of "hello"
//
//	memory  ? … ? h e l l ? …
//	            16      20
//	result  4, the next time 1<<32 | 1
func readBody(s *session, a []uint64) uint64 {
	m := s.bodyKind(a[0])
	ptr, n := uint32(a[1]), uint32(a[2])
	if n == 0 {
		s.trap("buf_limit is 0")
	}
	buf, ok := s.call.Memory().View(ptr, n)
	if !ok {
		s.trap("%d bytes at address %d are outside of the memory of %d bytes", n, ptr, s.call.Memory().Size())
	}
	if m == message.Response && !s.after {
		return 1 << 32 // there is none yet
	}
	b, end, err := s.stage.Read(m, min(s.read[m]+int(n), int(s.stage.MaxBody)+1))
	s.must(err)
	if int64(len(b)) > s.stage.MaxBody {
		s.stage.Overflow = true
		s.must(message.ErrTooLarge)
	}
	got := copy(buf, b[min(s.read[m], len(b)):])
	s.call.ChargeMoved(got)
	s.read[m] += got
	if end && s.read[m] == len(b) {
		return 1<<32 | uint64(got)
	}
	return uint64(got)
}

// bodyKind is the message of a body that is to be read.
func (s *session) bodyKind(kind uint64) int {
	switch uint32(kind) {
	case message.Request:
		return message.Request
	case message.Response:
		s.beforeNextOr(bufferResponse, "read the response's body")
		return message.Response
	}
	s.trap("there is no kind of body %d", int32(uint32(kind)))
	return 0
}

// writeBody adds to a body that the guest makes; the first call drops what was there.
func writeBody(s *session, a []uint64) uint64 {
	b := s.view(a, 1)
	m := int(uint32(a[0]))
	switch {
	case m == message.Request:
		s.beforeNext("write the request's body")
	case m == message.Response:
		s.beforeNextOr(bufferResponse, "write the response's body")
	default:
		s.trap("there is no kind of body %d", int32(uint32(a[0])))
	}
	if m == message.Response && !s.after {
		if int64(len(s.pending.body)+len(b)) > s.stage.MaxBody {
			s.stage.Overflow = true
			s.must(message.ErrTooLarge)
		}
		s.pending.body = append(s.pending.body, b...)
		return 0
	}
	own := slices.Clone(b)
	if s.written[m] {
		old, _, _ := s.stage.Read(m, 0)
		own = append(old, b...)
	}
	s.must(s.stage.SetBody(m, own))
	s.written[m] = true
	return 0
}

func getMethod(s *session, a []uint64) uint64 { return s.give(a, 0, s.stage.X.Request.Method) }

func setMethod(s *session, a []uint64) uint64 {
	s.beforeNext("set the method")
	s.must(s.stage.SetMethod(alias(s.view(a, 0))))
	return 0
}

func getURI(s *session, a []uint64) uint64 { return s.give(a, 0, s.stage.X.Request.URI()) }

func setURI(s *session, a []uint64) uint64 {
	s.beforeNext("set the URI")
	uri := alias(s.view(a, 0))
	if !strings.HasPrefix(uri, "/") { // "The host should return "/" instead of empty for a request with no URI."
		uri = "/" + uri
	}
	s.must(s.stage.SetURI(uri))
	return 0
}

// getProtocolVersion writes HTTP/1.1 and the like.
//
// "The most common protocol versions are "HTTP/1.1" and "HTTP/2.0"."
// https://http-wasm.io/http-handler-abi/#get_protocol_version
func getProtocolVersion(s *session, a []uint64) uint64 {
	v := "HTTP/1.1"
	switch s.stage.X.Request.Proto {
	case exchange.HTTP10:
		v = "HTTP/1.0"
	case exchange.HTTP2:
		v = "HTTP/2.0"
	case exchange.HTTP3:
		v = "HTTP/3.0"
	}
	return s.give(a, 0, v)
}

func getSourceAddr(s *session, a []uint64) uint64 {
	c := &s.stage.X.Client
	if !c.Addr.IsValid() {
		s.must(errors.New("the client's address is not known"))
	}
	return s.give(a, 0, netip.AddrPortFrom(c.Addr.Unmap(), c.Port).String())
}

func getStatusCode(s *session, _ []uint64) uint64 {
	if s.after {
		return uint64(s.stage.X.Response.Status)
	}
	return uint64(s.pending.status)
}

func setStatusCode(s *session, a []uint64) uint64 {
	s.beforeNextOr(bufferResponse, "set the status code")
	code := int(uint32(a[0]))
	if s.after {
		s.must(s.stage.SetStatus(code))
		return 0
	}
	if code < 200 || code > 599 {
		s.must(services.ErrInvalid)
	}
	s.pending.status = code
	return 0
}
