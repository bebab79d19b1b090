package proxywasm

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
)

// A fake is a guest whose exports are Go functions: an instance on which they call the functions of the ABI.
type fake struct {
	*hostcalltest.Guest
	funcs   []hostcall.Func
	exports map[string]func(f *fake, args []uint64) (uint64, error)
}

// Memory of every fake: results at 8, texts from 64 on, what the host allocates from 512 on.
const (
	fakeOut  = 8
	fakeText = 64
	fakeHeap = 512
)

func newFake(b *binding, s *session, exports map[string]func(f *fake, args []uint64) (uint64, error)) *fake {
	f := &fake{Guest: hostcalltest.New(1024, s), funcs: (&ABI{shared: b.shared}).Funcs(), exports: exports}
	s.i = f
	return f
}

func (f *fake) Has(export string) bool {
	_, has := f.exports[export]
	return has || export == malloc
}

func (f *fake) Call(_ context.Context, export string, args ...uint64) ([]uint64, error) {
	if export == malloc {
		return []uint64{fakeHeap}, nil
	}
	r, err := f.exports[export](f, args)
	return []uint64{r}, err
}

// do calls a function of the ABI.
func (f *fake) do(name string, args ...uint64) status {
	out, err := f.Guest.Call(hostcalltest.Find(f.funcs, name), args...)
	if err != nil {
		panic(err)
	}
	return status(out[0])
}

// text puts texts one behind another into memory, and returns pointer and length of each.
func (f *fake) text(texts ...string) (args []uint64) {
	at := fakeText
	for _, s := range texts {
		args = append(args, uint64(at), uint64(copy(f.Bytes[at:fakeHeap], s)))
		at += len(s)
	}
	return args
}

func (f *fake) word(at int) uint32 { return binary.LittleEndian.Uint32(f.Bytes[at:]) }

// given is the value that the host handed over last.
func (f *fake) given() string {
	return string(f.Bytes[f.word(fakeOut):][:f.word(fakeOut+4)])
}

func (f *fake) register(name string) (id uint64) {
	if st := f.do("proxy_register_shared_queue", append(f.text(name), fakeOut)...); st != ok {
		return 0
	}
	return uint64(f.word(fakeOut))
}

func (f *fake) enqueue(id uint64, item string) status {
	return f.do("proxy_enqueue_shared_queue", append([]uint64{id}, f.text(item)...)...)
}

func (f *fake) dequeue(id uint64) (string, status) {
	st := f.do("proxy_dequeue_shared_queue", id, fakeOut, fakeOut+4)
	if st != ok {
		return "", st
	}
	return f.given(), ok
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Log(line *services.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(line.Message))
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text[:len(l.text):len(l.text)]
}

// bind makes a binding; spawn is nil for one without a root instance.
func bind(t testing.TB, a *ABI, owner services.Owner, name string, log *lines, spawn func(context.Context, any) (adapter.Instance, func(), error)) *binding {
	t.Helper()
	o := adapter.Settings{Owner: owner, Name: name, Facts: adapter.Facts{ABI: "proxy-wasm/0.2.1"}, Services: &services.Services{}, Spawn: spawn}
	if log != nil {
		o.Services.Log = log
	}
	b, err := a.Bind(o)
	if err != nil {
		t.Fatal(err)
	}
	return b.(*binding)
}
