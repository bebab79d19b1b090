package proxywasm

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
)

// What zlib does is paid for, also where nothing goes in or nothing comes out.
func TestPackingIsPaidFor(t *testing.T) {
	b := bind(t, New(), "acme", "fn", nil, nil)
	fuel := func(budget int64, name, v string) (int64, error) {
		i := newFake(b, b.session(), nil)
		i.Bytes = append(i.Bytes, make([]byte, 4<<20)...)
		i.Budget = budget
		const at = 1 << 20
		copy(i.Bytes[fakeText:], name)
		copy(i.Bytes[at:], v)
		_, err := i.Guest.Call(hostcalltest.Find(i.funcs, "proxy_call_foreign_function"), fakeText, uint64(len(name)), at, uint64(len(v)), 0, 0)
		return i.Fuel, err
	}
	packed := func(v string) string {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write([]byte(v))
		w.Close()
		return b.String()
	}
	f := func(name, v string, least int64) {
		t.Helper()
		n, err := fuel(0, name, v)
		if err != nil || n < least {
			t.Errorf("%s of %d bytes: %d units of fuel, want at least %d; %v", name, len(v), n, least, err)
		}
		if n, err = fuel(least/2, name, v); !errors.Is(err, hostcalltest.ErrBudget) || n > least+callFuel {
			t.Errorf("%s of %d bytes with %d units: it went on to %d: %v", name, len(v), least/2, n, err)
		}
	}
	nothing := packed("")
	// Blocks of no bytes: five bytes each, and nothing comes of them.
	blocks := nothing[:2] + string(bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 200_000)) + string([]byte{1, 0, 0, 0xff, 0xff}) + string(binary.BigEndian.AppendUint32(nil, 1))
	f("compress", "", fuelPacker)
	f("compress", string(make([]byte, 1<<20)), 1<<20*fuelCompress)
	f("uncompress", nothing, fuelUnpacker)
	f("uncompress", packed(string(make([]byte, 1<<20))), 1<<20*fuelUncompress)
	f("uncompress", blocks, 1_000_000*fuelPacked)
}
