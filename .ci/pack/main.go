// Command pack compresses the example functions that make guests built, into the folder that edge/demo embeds.
//
// Its arguments are the folder to read NAME.wasm from, the one to write NAME.wasm.zst to, and the names. Files that are newer
// than their source are left alone, so that a second build takes no time; those that are not named are removed.
// Only make calls it: the node unpacks with the same library.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: pack FROM TO NAME...")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack: error:", err)
		os.Exit(1)
	}
}

const suffix = ".zst"

// pack makes the folder to hold exactly the compressed forms of from's wasm files of these names, beside what else is
// in it. One that is not there is an error.
func pack(from, to string, names []string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return err
	}
	defer enc.Close()

	keep := map[string]bool{}
	for _, name := range names {
		source := filepath.Join(from, name+".wasm")
		packed := filepath.Join(to, name+".wasm"+suffix)
		keep[packed] = true
		if newer(packed, source) {
			continue
		}
		code, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		// Written beside and renamed, so that an interrupted build leaves no half of one.
		beside := packed + ".tmp"
		if err := os.WriteFile(beside, enc.EncodeAll(code, nil), 0o644); err != nil {
			return err
		}
		if err := os.Rename(beside, packed); err != nil {
			return err
		}
	}

	there, err := filepath.Glob(filepath.Join(to, "*.wasm"+suffix+"*"))
	if err != nil {
		return err
	}
	for _, packed := range there {
		if !keep[packed] && (strings.HasSuffix(packed, suffix) || strings.HasSuffix(packed, ".tmp")) {
			if err := os.Remove(packed); err != nil {
				return err
			}
		}
	}
	return nil
}

// newer says whether a is there and was written after b.
func newer(a, b string) bool {
	ia, err := os.Stat(a)
	if err != nil {
		return false
	}
	ib, err := os.Stat(b)
	return err == nil && ia.ModTime().After(ib.ModTime())
}
