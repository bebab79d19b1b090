package conform

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/fastly"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// A compute is a program for Fastly Compute under construction: calls, one after the other, on memory that is laid out while
// it is written. What it finds it shows, in a text that is the body of its response. A call that answers another status than
// the one that is expected makes a line in the log, which fails the case.
type compute struct {
	funcs []hostcall.Func
	index map[string]uint32 // by module, without its prefix, and name
	data  []byte            // the memory's beginning
	code  []byte
	used  map[string]bool // functions that are called
	calls int
	fails cell // handle of the endpoint for lines about calls
}

// cell is where a result goes: 8 bytes.
type cell int32

// handle is the number of 32 bits in a cell, as an argument; long is one of 64 bits, short of 16, to be shown.
type (
	handle cell
	long   cell
	short  cell
)

// area is room for what a function writes, got what it has written.
type (
	area struct{ at, n int32 }
	got  struct {
		at int32
		n  cell
	}
)

// The statuses of the ABI.
const (
	stOK = iota
	stError
	stInvalid
	stBadHandle
	stBufferLength
	stUnsupported
	stBadAlign
	stHTTPInvalid
	stHTTPUser
	stHTTPIncomplete
	stNone
	stHeadTooLarge
	stInvalidStatus
	stLimit
	stAgain
)

// Memory: digits are written below 72, the mark of the shown text stands at shown, the text itself at display.
const (
	digits  = 72
	shown   = 8
	display = 128 << 10
)

func newCompute() *compute {
	p := &compute{funcs: fastly.Funcs(), index: map[string]uint32{}, used: map[string]bool{}, data: make([]byte, 128)}
	for i := range p.funcs {
		p.index[strings.TrimPrefix(p.funcs[i].Module, "fastly_")+"."+p.funcs[i].Name] = uint32(i)
	}
	binary.LittleEndian.PutUint32(p.data[shown:], display)
	p.fails = p.out()
	p.emit(p.callTo("log.endpoint_get", "check", p.fails), Drop)
	return p
}

func (p *compute) emit(code ...[]byte) { p.code = append(p.code, Code(code...)...) }

func (p *compute) take(n int) int32 {
	at := len(p.data)
	p.data = append(p.data, make([]byte, (n+15)&^7)...)
	if len(p.data) > display {
		panic("BUG: conform: a program's memory is full")
	}
	return int32(at)
}

func (p *compute) out() cell       { return cell(p.take(8)) }
func (p *compute) area(n int) area { return area{p.take(n), int32(n)} }
func (p *compute) textAt(s string) area {
	a := p.area(len(s))
	copy(p.data[a.at:], s)
	return a
}

// record lays words of 32 bits one behind the other: a text is two, address and length, an int64 its halves.
func (p *compute) record(words ...any) cell {
	n := 0
	for _, w := range words {
		if n++; fmt.Sprintf("%T", w) != "int" {
			n++
		}
	}
	at := p.take(4 * n)
	next := at
	word := func(v int32) {
		binary.LittleEndian.PutUint32(p.data[next:], uint32(v))
		next += 4
	}
	for _, w := range words {
		switch v := w.(type) {
		case int:
			word(int32(v))
		case int64:
			word(int32(v))
			word(int32(v >> 32))
		case string:
			a := p.textAt(v)
			word(a.at)
			word(a.n)
		case area:
			word(v.at)
			word(v.n)
		case handle:
			p.emit(I32(next), load(int32(v)), Store32)
			next += 4
		case cell:
			word(int32(v))
		default:
			panic(fmt.Sprintf("BUG: conform: a record of %T", w))
		}
	}
	return cell(at)
}

// args pushes arguments: texts, areas and lists of handles are two each.
func (p *compute) args(list []any) (code []byte) {
	for _, a := range list {
		switch v := a.(type) {
		case int:
			code = append(code, I32(int32(v))...)
		case int64:
			code = append(code, I64(v)...)
		case string:
			t := p.textAt(v)
			code = append(code, Code(I32(t.at), I32(t.n))...)
		case area:
			code = append(code, Code(I32(v.at), I32(v.n))...)
		case got:
			code = append(code, Code(I32(v.at), load(int32(v.n)))...)
		case cell:
			code = append(code, I32(int32(v))...)
		case handle:
			code = append(code, load(int32(v))...)
		case []handle:
			at := p.take(4 * len(v))
			for i, h := range v {
				p.emit(I32(at+int32(4*i)), load(int32(h)), Store32)
			}
			code = append(code, Code(I32(at), I32(int32(len(v))))...)
		default:
			panic(fmt.Sprintf("BUG: conform: an argument of %T", a))
		}
	}
	return code
}

// callTo calls a function and leaves its status.
func (p *compute) callTo(name string, args ...any) []byte {
	i, known := p.index[name]
	if !known {
		panic("BUG: conform: there is no function " + name)
	}
	p.used["fastly_"+name] = true
	return Code(p.args(args), Call(i))
}

// expect takes a status, and logs it if it is another one.
func (p *compute) expect(name string, status int) []byte {
	p.calls++
	line := p.textAt(fmt.Sprintf("call %d, %s: want status %c, got .", p.calls, name, 'a'+status))
	return Code(Set(0), Get(0), I32(int32(status)), Op(0x47, 0x04, 0x40), // i32.ne if
		I32(line.at+line.n-1), Get(0), I32('a'), Add32, Op(0x3a, 0, 0),
		p.callTo("log.write", handle(p.fails), line, p.out()), Drop, Op(0x0b))
}

// want calls a function that answers with a status; must with ok.
func (p *compute) want(status int, name string, args ...any) {
	p.emit(p.callTo(name, args...), p.expect(name, status))
}

func (p *compute) must(name string, args ...any) { p.want(stOK, name, args...) }

// open calls a function whose last result is a number, of a handle or not.
func (p *compute) open(name string, args ...any) handle {
	out := p.out()
	p.must(name, append(slices.Clip(args), out)...)
	return handle(out)
}

// wide calls a function whose last result is a number of 64 bits.
func (p *compute) wide(name string, args ...any) long { return long(p.open(name, args...)) }

// text calls a function whose last parameters are room and where the length goes.
func (p *compute) text(name string, args ...any) got {
	room, n := p.area(2048), p.out()
	p.must(name, append(slices.Clip(args), room, n)...)
	return got{room.at, n}
}

// list calls a function that lists texts: room, cursor, and where the next cursor and the length go.
func (p *compute) list(name string, args ...any) got {
	room, next, n := p.area(2048), p.out(), p.out()
	p.must(name, append(slices.Clip(args), room, 0, next, n)...)
	return got{room.at, n}
}

// show appends to the shown text.
func (p *compute) show(list ...any) {
	for _, v := range list {
		switch v := v.(type) {
		case string, got, area:
			p.emit(load(shown), p.args([]any{v}), Op(0xfc, 10, 0, 0)) // memory.copy
			p.emit(I32(shown), load(shown), p.args([]any{v}), Set(0), Drop, Get(0), Add32, Store32)
		case handle:
			p.emit(load(int32(v)), Op(0xad), Call(p.digits())) // i64.extend_i32_u
		case short:
			p.emit(load(int32(v)), I32(0xffff), Op(0x71, 0xad), Call(p.digits()))
		case long:
			p.emit(I32(int32(v)), Op(0x29, 3, 0), Call(p.digits())) // i64.load
		default:
			panic(fmt.Sprintf("BUG: conform: %T is not shown", v))
		}
	}
}

// digits is the function that shows a number.
func (p *compute) digits() uint32 { return uint32(len(p.funcs)) }

func showDigits() []byte {
	return Code(I32(digits), Set(1),
		Op(0x03, 0x40), Get(1), I32(1), Op(0x6b, 0x22, 1), // loop: one place to the left
		Get(0), I64(10), Op(0x82, 0xa7), I32('0'), Add32, Op(0x3a, 0, 0), // the last digit
		Get(0), I64(10), Op(0x80, 0x22, 0), I64(0), Op(0x52, 0x0d, 0, 0x0b), // while there are more
		load(shown), Get(1), I32(digits), Get(1), Op(0x6b, 0xfc, 10, 0, 0),
		I32(shown), load(shown), I32(digits), Get(1), Op(0x6b), Add32, Store32)
}

// read shows a body from here to its end.
func (p *compute) read(body handle) {
	n := p.out()
	p.emit(Op(0x02, 0x40, 0x03, 0x40), // block loop
		load(int32(body)), load(shown), I32(4096), I32(int32(n)), p.callTo("http_body.read"), Op(0x22, 0, 0x0d, 1), // until it fails
		load(int32(n)), Op(0x45, 0x0d, 1), // or there is no more
		I32(shown), load(shown), load(int32(n)), Add32, Store32,
		Op(0x0c, 0, 0x0b, 0x0b), Get(0), p.expect("http_body.read", stOK))
}

func (p *compute) write(body handle, text any) { p.must("http_body.write", body, text, 0, p.out()) }

func (p *compute) body(text string) handle {
	b := p.open("http_body.new")
	if text != "" {
		p.write(b, text)
	}
	return b
}

func (p *compute) request(method, uri string) handle {
	r := p.open("http_req.new")
	p.must("http_req.method_set", r, method)
	p.must("http_req.uri_set", r, uri)
	return r
}

// downstream is the client's request and its body.
func (p *compute) downstream() (request, body handle) {
	r, b := p.out(), p.out()
	p.must("http_req.body_downstream_get", r, b)
	return handle(r), handle(b)
}

// send sends a request without content to the backend shop, and is the response and its body.
func (p *compute) send(request handle) (response, body handle) {
	r, b := p.out(), p.out()
	p.must("http_req.send", request, p.open("http_body.new"), "shop", r, b)
	return handle(r), handle(b)
}

// reply sends what was shown.
func (p *compute) reply() {
	b, n := p.open("http_body.new"), p.out()
	p.emit(load(int32(b)), I32(display), load(shown), I32(display), Op(0x6b), I32(0), I32(int32(n)), p.callTo("http_body.write"), p.expect("the reply", stOK))
	p.must("http_resp.send_downstream", p.open("http_resp.new"), b, 0)
}

func (p *compute) bytes() []byte {
	var m Module
	for i := range p.funcs {
		f := &p.funcs[i]
		m.Import(f.Module, f.Name, letters(f.Params), letters(f.Results))
	}
	m.Memory(4, 0)
	m.Export("memory", 2, 0)
	m.Func("", "I", "", "i", showDigits()...)
	m.Data = [][]byte{p.data}
	begin := Code(I32(0), I32(0), I32(int32(len(p.data))), Op(0xfc, 8, 0, 0)) // memory.init
	m.Func("_start", "", "", "i", Code(begin, p.code)...)
	return m.Bytes()
}
