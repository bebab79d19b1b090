package proxywasm

import (
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// fields are the request's or the response's head as a filter sees it: pseudo fields first, names in lower case.
func (s *session) fields(request bool) []exchange.Field {
	x := s.stage.X
	h := &x.Response.Header
	var out []exchange.Field
	if request {
		r := &x.Request
		h = &r.Header
		out = append(out, exchange.Field{Name: ":authority", Value: r.Host}, exchange.Field{Name: ":path", Value: r.URI()},
			exchange.Field{Name: ":method", Value: r.Method}, exchange.Field{Name: ":scheme", Value: r.Scheme})
	} else {
		out = append(out, exchange.Field{Name: ":status", Value: strconv.Itoa(x.Response.Status)})
	}
	for f := range h.All() {
		if request && f.Known() == exchange.Host {
			continue // it is :authority
		}
		out = append(out, exchange.Field{Name: strings.ToLower(f.Name), Value: f.Value})
	}
	if !request && !h.Has(exchange.ContentLength) && x.Response.ContentLength >= 0 {
		out = append(out, exchange.Field{Name: "content-length", Value: strconv.FormatInt(x.Response.ContentLength, 10)})
	}
	return out
}

// pairs are the entries of a map type.
func (s *session) pairs(kind uint32) ([]exchange.Field, status) {
	plain := func(h *exchange.Header) (out []exchange.Field) {
		if h != nil {
			for f := range h.All() {
				out = append(out, exchange.Field{Name: strings.ToLower(f.Name), Value: f.Value})
			}
		}
		return out
	}
	switch x := s.stage.X; {
	case kind > mapCallTrailers:
		return nil, badArgument
	case kind == mapCallHeaders && s.reply != nil:
		return s.reply.fields, ok
	case kind == mapCallTrailers && s.reply != nil:
		return nil, ok
	case x == nil:
		return nil, notFound
	case kind == mapRequest:
		return s.fields(true), ok
	case kind == mapResponse && s.stream == 1:
		return s.fields(false), ok
	case kind == mapRequestTrailers:
		return plain(x.Request.Trailer), ok
	case kind == mapResponseTrailers && s.stream == 1:
		return plain(x.Response.Trailer), ok
	}
	return nil, notFound
}

func getMapSize(s *session, a []uint64) status {
	fields, st := s.pairs(uint32(a[0]))
	if st != ok && st != notFound {
		return st
	}
	n := 4
	for i := range fields {
		n += 10 + len(fields[i].Name) + len(fields[i].Value)
	}
	return s.put(a, 1, uint32(n))
}

func getMapPairs(s *session, a []uint64) status {
	fields, st := s.pairs(uint32(a[0]))
	if st != ok && st != notFound {
		return st
	}
	return s.give(a, 1, alias(appendPairs(nil, fields)))
}

// getMapValue writes a field's value; the values of several lines are joined, as a list is.
//
// "0.1.0": a field that is missing is there, and empty.
func getMapValue(s *session, a []uint64) status {
	key, valid := s.text(a, 1)
	if !valid {
		return invalidMemory
	}
	fields, st := s.pairs(uint32(a[0]))
	if st == badArgument {
		return st
	}
	var values []string
	for i := range fields {
		if strings.EqualFold(fields[i].Name, key) {
			values = append(values, fields[i].Value)
		}
	}
	switch {
	case strings.EqualFold(key, "host") && values == nil && uint32(a[0]) == mapRequest && st == ok:
		return s.give(a, 3, s.stage.X.Request.Host)
	case values == nil && s.b.version == oldest:
		return s.give(a, 3, "")
	case values == nil:
		return notFound
	}
	return s.give(a, 3, strings.Join(values, ", "))
}

// changeable is the message whose fields of the map type can be changed now.
func (s *session) changeable(kind uint32) (m int, trailer, changeable bool) {
	if s.stage.X == nil || !s.in { // of one stream an instance at a time, whatever context is the effective one
		return 0, false, false
	}
	switch kind {
	case mapRequest:
		return message.Request, false, s.stream == 0
	case mapResponse:
		return message.Response, false, s.stream == 1 && !s.flowing
	case mapRequestTrailers:
		return message.Request, true, s.stream == 0
	case mapResponseTrailers:
		return message.Response, true, s.stream == 1
	}
	return 0, false, false
}

func addMapValue(s *session, a []uint64) status     { return s.changeValue(a, true) }
func replaceMapValue(s *session, a []uint64) status { return s.changeValue(a, false) }

func (s *session) changeValue(a []uint64, add bool) status {
	key, valid := s.text(a, 1)
	value, valid2 := s.text(a, 3)
	if !valid || !valid2 {
		return invalidMemory
	}
	m, trailer, changeable := s.changeable(uint32(a[0]))
	if !changeable {
		return badArgument
	}
	return s.set(m, trailer, key, value, add)
}

// set sets a field, or what a pseudo field stands for.
func (s *session) set(m int, trailer bool, key, value string, add bool) status {
	value = strings.Trim(value, " \t")
	if trailer {
		return s.setTrailer(m, key, value, add)
	}
	switch k := exchange.Lookup(key); {
	case strings.HasPrefix(key, ":"):
		return statusOf(s.setPseudo(m, key, value))
	case k == exchange.Host && m == message.Request:
		return statusOf(s.stage.SetHost(value))
	case k == exchange.ContentLength:
		s.declared = true
		return ok
	}
	err := s.stage.PutField(m, key, value, add)
	if err == services.ErrNotAllowed {
		s.b.denied.Add(1)
	}
	return statusOf(err)
}

func (s *session) setPseudo(m int, key, value string) error {
	switch {
	case m == message.Response && key == ":status":
		code, err := strconv.Atoi(value)
		if err != nil {
			return services.ErrInvalid
		}
		return s.stage.SetStatus(code)
	case m == message.Response:
		return services.ErrInvalid
	case key == ":path":
		return s.stage.SetURI(value)
	case key == ":authority":
		return s.stage.SetHost(value)
	case key == ":method":
		return s.stage.SetMethod(value)
	case key == ":scheme" && value == s.stage.X.Request.Scheme:
		return nil
	}
	return services.ErrInvalid
}

// setTrailer adds trailers to a message, or changes them in a copy of their own.
func (s *session) setTrailer(m int, key, value string, add bool) status {
	of := &s.stage.X.Request.Trailer
	length := &s.stage.X.Request.ContentLength
	if m == message.Response {
		of, length = &s.stage.X.Response.Trailer, &s.stage.X.Response.ContentLength
	}
	if *of == nil && s.flowing {
		return badArgument // the head has announced none
	}
	t := new(exchange.Header)
	if *of != nil {
		t.CopyFrom(*of)
	}
	if err := message.CheckField(t, key, value); err != nil {
		return statusOf(err)
	}
	key, err := s.stage.Keep(key)
	if err != nil {
		return statusOf(err)
	}
	if value, err = s.stage.Keep(value); err != nil {
		return statusOf(err)
	}
	if add {
		t.Add(key, value)
	} else {
		t.Set(key, value)
	}
	s.putTrailer(of, t, length)
	return ok
}

// putTrailer has a message end with t. The header section that the message's reader holds stays the same one while the
// message is on its way.
func (s *session) putTrailer(of **exchange.Header, t *exchange.Header, length *int64) {
	if s.flowing {
		(*of).CopyFrom(t)
		return
	}
	s.stage.Change()
	*of, *length = t, -1
}

// removeMapValue removes a field.
//
// "`OK` on success (including the case when the requested key didn't exist)."
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_remove_header_map_value
func removeMapValue(s *session, a []uint64) status {
	key, valid := s.text(a, 1)
	if !valid {
		return invalidMemory
	}
	m, trailer, changeable := s.changeable(uint32(a[0]))
	if !changeable {
		return badArgument
	}
	if trailer {
		return s.removeTrailer(m, key)
	}
	if exchange.Lookup(key) == exchange.ContentLength {
		s.declared = true
		return ok
	}
	return statusOf(s.stage.RemoveField(m, key))
}

func (s *session) removeTrailer(m int, key string) status {
	of := &s.stage.X.Request.Trailer
	length := &s.stage.X.Request.ContentLength
	if m == message.Response {
		of, length = &s.stage.X.Response.Trailer, &s.stage.X.Response.ContentLength
	}
	if *of == nil {
		return ok
	}
	t := new(exchange.Header)
	t.CopyFrom(*of)
	if t.Delete(key) {
		s.putTrailer(of, t, length)
	}
	return ok
}

// setMapPairs replaces all fields but those that are the node's.
func setMapPairs(s *session, a []uint64) status {
	b, valid := s.view(a, 1)
	if !valid {
		return invalidMemory
	}
	fields, parsed := parsePairs(b)
	m, trailer, changeable := s.changeable(uint32(a[0]))
	if !parsed || !changeable {
		return badArgument
	}
	s.stage.Change()
	if trailer {
		empty := new(exchange.Header)
		if of := [...]**exchange.Header{&s.stage.X.Request.Trailer, &s.stage.X.Response.Trailer}[m]; *of != nil {
			if s.flowing {
				(*of).Reset()
			} else {
				*of = empty
			}
		}
	} else {
		s.stage.Header(m).DeleteFunc(func(f *exchange.Field) bool { return !message.Reserved(f.Known()) })
	}
	for _, f := range fields {
		if message.Reserved(exchange.Lookup(f.Name)) && exchange.Lookup(f.Name) != exchange.Host {
			continue
		}
		if st := s.set(m, trailer, f.Name, f.Value, true); st != ok {
			return st
		}
	}
	return ok
}
