package fastly

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
)

// Each function is there, and what is not offered says so and touches nothing.
func TestEveryFunction(t *testing.T) {
	all := Funcs()
	modules := map[string]bool{}
	for i := range all {
		modules[all[i].Module] = true
	}
	if len(all) != 251 || len(modules) != 24 {
		t.Fatalf("%d functions in %d modules, and the ABI has 251 in 24", len(all), len(modules))
	}
	supported := Supported()
	w := newWorld(t)
	w.program("all of them", "", func(p *program) string {
		for i := range all {
			f := &all[i]
			if supported[f.Module+"."+f.Name] {
				continue
			}
			params := make([]uint64, len(f.Params))
			if out, err := p.Call(f, params...); err != nil || status(out[0]) != unsupported {
				t.Errorf("%s: %v %v", f.Signature(), out, err)
			}
		}
		if at := strings.IndexFunc(string(p.Bytes), func(r rune) bool { return r != hostcalltest.Sentinel }); at >= 0 {
			t.Errorf("memory was written at %d", at)
		}
		return ""
	})
	// Outside of a run nothing is done.
	g := hostcalltest.New(4096, NewSession(w.binding))
	for i := range all {
		if out, err := g.Call(&all[i], make([]uint64, len(all[i].Params))...); err != nil || status(out[0]) != failed && status(out[0]) != unsupported {
			t.Errorf("outside: %s: %v %v", all[i].Signature(), out, err)
		}
	}
}

// A guest that points anywhere, and names handles that are not there, is told so.
func TestHostilePointers(t *testing.T) {
	w := newWorld(t)
	all := Funcs()
	w.program("pointers", "", func(p *program) string {
		for i := range all {
			for _, v := range []uint64{0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 20, 1<<20 - 1} {
				params := make([]uint64, len(all[i].Params))
				for k := range params {
					params[k] = v
				}
				if all[i].Name == "send_downstream" || all[i].Name == "select" {
					continue // they have effects that are wanted
				}
				out, err := p.Call(&all[i], params...)
				if err != nil || out[0] > uint64(again) {
					t.Errorf("%s with %#x: %v %v", all[i].Signature(), v, out, err)
				}
			}
		}
		return ""
	})
}

// What a run can have open, and hold, is bounded.
func TestHostileCounts(t *testing.T) {
	w := newWorld(t)
	w.program("handles", "", func(p *program) string {
		out := p.out()
		for range maxHandles - 8 {
			if st := p.call("http_body.new", out); st != ok {
				t.Fatalf("%v", st)
			}
		}
		last := p.get(out)
		for range 16 {
			p.call("http_body.new", out)
		}
		p.want(limitExceeded, "http_body.new", out)
		p.must("http_body.close", last)
		p.must("http_body.new", out)
		if p.get(out) != last {
			t.Errorf("handle %d, and %d is the one that is free", p.get(out), last)
		}
		for _, h := range []uint32{last - 1, last - 2, last - 3, last - 4} {
			p.must("http_body.close", h)
		}
		return ""
	})
	w.program("bytes", "", func(p *program) string {
		b := p.handle("http_body.new")
		n := p.out()
		large := room{0, 1 << 20}
		for i := 0; ; i++ {
			if st := p.call("http_body.write", b, large, 0, n); st == limitExceeded {
				break
			} else if st != ok || i > leastBody>>20 {
				t.Fatalf("%d MiB are held: %v", i, st)
			}
		}
		p.must("http_body.close", b)
		return ""
	})
	w.program("fields", "", func(p *program) string {
		r := p.handle("http_req.new")
		name, value := p.bytesAt("x-a"), p.bytesAt(strings.Repeat("v", 4096))
		for i := 0; ; i++ {
			if st := p.call("http_req.header_append", r, room{name, 3}, room{value, 4096}); st == httpHeadTooLarge {
				break
			} else if st != ok || i > maxFields {
				t.Fatalf("%d fields: %v", i, st)
			}
		}
		return ""
	})
}
