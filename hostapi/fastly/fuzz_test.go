package fastly

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// errBroken ends the run of a program that saw what must not be. The exchange's goroutine reports it: the guest's, ended
// by the test in the middle of a run, would leave the exchange waiting for it.
var errBroken = errors.New("broken")

// FuzzCalls makes random calls. Whatever a guest calls with whatever, the host answers with a status, keeps its bounds,
// and the run ends.
func FuzzCalls(f *testing.F) {
	f.Add([]byte("\x10\x00\x01\x02\x03\x04\x05"))
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t)
		all := Funcs()
		out := w.run("POST /\n\nsome content", func(p *program) {
			h := p.State().(*Session)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			p.Ctx, w.binding.patience = ctx, time.Millisecond
			for n := 0; len(script) >= 2 && n < 200; n++ {
				fn := &all[int(binary.LittleEndian.Uint16(script))%len(all)]
				script = script[2:]
				params := make([]uint64, len(fn.Params))
				for i := range params {
					if len(script) == 0 {
						break
					}
					v := uint64(script[0])
					script = script[1:]
					if fn.Params[i] == hostcall.I64 || v >= 250 {
						v *= 0x0101_0101
					}
					params[i] = v
				}
				out, err := p.Call(fn, params...)
				if err != nil || out[0] > uint64(again) {
					panic(fmt.Errorf("%w: %s%v: %v %v", errBroken, fn.Signature(), params, out, err))
				}
				if len(h.handles.open) > maxHandles || h.held.n.Load() < 0 || h.held.n.Load() > h.held.most {
					panic(fmt.Errorf("%w: %s%v: %d handles, %d bytes held", errBroken, fn.Signature(), params, len(h.handles.open), h.held.n.Load()))
				}
			}
		})
		if err := errors.Join(out.failed, out.ended); errors.Is(err, errBroken) {
			t.Fatal(err)
		}
	})
}
