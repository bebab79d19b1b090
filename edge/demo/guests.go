package demo

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// packed are the example functions as make build left them, NAME.wasm.zst; without make there is only a page that says so.
//
//go:embed guests
var packed embed.FS

// examples are the functions that the demo's node runs.
var examples = []string{"ab-routing", "auth", "cache-key", "headers", "kv-redirects"}

// ErrNotBuilt says that this binary was made without the example functions.
var ErrNotBuilt = errors.New("this binary was built without the example functions")

// maxGuest bounds what a compressed function unpacks to.
const maxGuest = 64 << 20

// unpack returns the example functions by name, from a folder like packed.
func unpack(from fs.FS) (map[string][]byte, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxGuest))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	guests := map[string][]byte{}
	for _, name := range examples {
		b, err := fs.ReadFile(from, "guests/"+name+".wasm.zst")
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w (%s is missing)", ErrNotBuilt, name)
		}
		if err != nil {
			return nil, err
		}
		if guests[name], err = dec.DecodeAll(b, nil); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", name, err)
		}
	}
	return guests, nil
}

// spinner is a function that never ends, made by hand: a module whose on_request is a loop that jumps to its own beginning.
var spinner = []byte(strings.Join([]string{
	"\x00asm\x01\x00\x00\x00",
	"\x01\x08\x02\x60\x00\x00\x60\x00\x01\x7f",                         // types: () and () i32
	"\x03\x03\x02\x00\x01",                                             // functions: one of each
	"\x07\x1d\x02\x0cwedge_abi_v1\x00\x00\x0aon_request\x00\x01",       // exports
	"\x0a\x0e\x02\x02\x00\x0b\x09\x00\x03\x40\x0c\x00\x0b\x41\x00\x0b", // code: nothing; loop, br 0, end, i32.const 0
}, ""))
