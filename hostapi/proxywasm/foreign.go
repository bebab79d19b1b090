package proxywasm

import (
	"bytes"
	"compress/zlib"
	"io"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// Fuel of zlib, about what a guest would spend itself: of its tables, which also nothing at all needs, and of each byte.
const (
	fuelPacker     = 100_000
	fuelCompress   = 32
	fuelUnpacker   = 10_000
	fuelPacked     = 32 // read
	fuelUncompress = 8  // made
)

// callForeign calls a function by its name. Arguments of those for stores are separated by NUL: store, key, value.
func callForeign(s *session, a []uint64) status {
	name, valid := s.text(a, 0)
	args, valid2 := s.text(a, 2)
	if !valid || !valid2 {
		return invalidMemory
	}
	switch name {
	case "clear_route_cache":
		return s.result(a, "")
	case "compress":
		return s.compress(a, args)
	case "uncompress":
		return s.uncompress(a, args)
	}
	what, known := strings.CutPrefix(name, "wedge_kv_")
	if !known {
		return notFound
	}
	store, rest, has := strings.Cut(args, "\x00")
	key, value, hasValue := strings.Cut(rest, "\x00")
	if !has || hasValue != (what == "put") {
		return badArgument
	}
	st, r := s.store(store)
	if r != ok {
		return r
	}
	switch what {
	case "get":
		v, r := s.get(st, []byte(key))
		if r != ok {
			return r
		}
		return s.result(a, alias(v))
	case "put":
		if _, err := st.Put(s.context(), []byte(key), []byte(value), services.PutOptions{}); err != nil {
			return statusOf(err)
		}
		return s.result(a, "")
	case "delete":
		if _, err := st.Delete(s.context(), []byte(key), 0); err != nil {
			return statusOf(err)
		}
		return s.result(a, "")
	}
	return notFound
}

// result hands the result of a foreign function out; a guest that wants none gives no address.
//
// "Return value(s) … are optional."
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_call_foreign_function
func (s *session) result(a []uint64, v string) status {
	if uint32(a[4]) == 0 && uint32(a[5]) == 0 {
		return ok
	}
	return s.give(a, 4, v)
}

// compress is Envoy's: the argument in zlib's format.
func (s *session) compress(a []uint64, v string) status {
	if int64(len(v)) > s.stage.MaxBody {
		return badArgument
	}
	s.call.Charge(fuelPacker)
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.Copy(w, &paid{s, v, fuelCompress}) // to memory, which does not fail
	w.Close()
	return s.result(a, alias(b.Bytes()))
}

// uncompress is what compress has packed; its length is bounded as that of bodies.
func (s *session) uncompress(a []uint64, v string) status {
	s.call.Charge(fuelUnpacker)
	r, err := zlib.NewReader(&paid{s, v, fuelPacked})
	if err != nil {
		return badArgument
	}
	var out []byte
	for room := make([]byte, chunk); ; {
		n, err := r.Read(room)
		s.call.Charge(int64(n) * fuelUncompress)
		if out = append(out, room[:n]...); int64(len(out)) > s.stage.MaxBody {
			return badArgument
		}
		switch err {
		case nil:
		case io.EOF:
			return s.result(a, alias(out))
		default:
			return badArgument
		}
	}
}

// paid reads what the guest has paid for. No fuel is right for all input: blocks that say nothing take thirty times the time
// of others, and a guest may have megabytes of them. So the clocks are looked at again and again, and a guest whose time is up
// is ended there.
type paid struct {
	s     *session
	from  string
	price int64 // a byte
}

func (p *paid) Read(b []byte) (int, error) {
	if p.from == "" {
		return 0, io.EOF
	}
	n := copy(b, p.from[:min(len(p.from), chunk)])
	p.s.call.Charge(int64(n) * p.price)
	p.s.call.Charge(0)
	p.from = p.from[n:]
	return n, nil
}
