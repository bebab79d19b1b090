package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Modules are kin if they have the same code and differ in what stands in their memory at the beginning. All JavaScript is: one engine of 11 MB that takes
// 15 s to compile, and beside it, as data, the heap in which it has read a script. So a module whose kin is in the cache gets a second name for that code
// instead of a compiler. It is validated as any other: only its own bytes say that its data fits its code.
//
// The compiler looks at types, imports, functions, tables, the types of globals, and whether there is a memory that threads share. It does not look at data, at
// how large a memory is, nor at the first value of a global. All that it may look at is in codeKey, byte by byte; TestKinCode holds what it makes against that.

// kinFrom is how large a module is to be for that: a small one compiles in less time than it takes to look.
const kinFrom = preparedFrom

// codeKey names what the compiler makes of a metered module.
func codeKey(metered []byte) (string, error) {
	m, err := wasm.Decode(metered)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, s := range m.Sections {
		switch s.ID {
		case wasm.DataSection, wasm.DataCountSection:
		case wasm.MemorySection:
			for _, memory := range m.Memories {
				fmt.Fprintln(h, "memory", memory.Limits.Shared)
			}
		case wasm.GlobalSection:
			for _, g := range m.Globals {
				fmt.Fprintln(h, "global", g.Type, g.Mutable)
			}
		default:
			fmt.Fprintln(h, "section", s.ID, len(s.Data))
			h.Write(s.Data)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// A cacheID is what wazero knows a module by.
type cacheID [32]byte

func cacheIDOf(metered []byte) (id cacheID) {
	h := sha256.New()
	h.Write(metered)
	h.Write([]byte{0}) // not cancelled by its context
	h.Sum(id[:0])
	return id
}

// file is how wazero calls the file with a module's code: a hash of its ID, of a mark, and of a word that stands for what the processor can do.
func (id cacheID) file(word uint64) string {
	name := sha256.Sum256(binary.LittleEndian.AppendUint64(append(id[:], "WAZEVO"...), word))
	return hex.EncodeToString(name[:])
}

// processorWord finds the word in the name of a file. If wazero calls its files in another way there is none, and nothing is kin.
func processorWord(metered []byte, name string) (word uint64, ok bool) {
	const most = 1 << 8 // it has had a bit for each of three features
	id := cacheIDOf(metered)
	for word = range uint64(most) {
		if id.file(word) == name {
			return word, true
		}
	}
	return 0, false
}

// adoptKin gives the code of a kin to a metered module, and tells whether there was one.
//
// Preconditions: the caller has the turn.
func (e *Engine) adoptKin(key [32]byte, metered []byte) bool {
	if e.disk == nil || len(metered) < kinFrom {
		return false
	}
	code, err := codeKey(metered)
	if err != nil {
		return false
	}
	names, err := os.ReadDir(e.disk.index)
	if err != nil {
		return false
	}
	id := cacheIDOf(metered)
	for _, f := range names {
		kin, ok := readEntry(filepath.Join(e.disk.index, f.Name()))
		if ok && kin.Code == code && e.disk.share(key, kin, id.file(kin.Word)) == nil {
			e.entered(key)
			return true
		}
	}
	return false
}

// share makes an entry for key of the code that another has, under the name by which wazero looks for it.
func (d *disk) share(key [32]byte, kin entry, name string) error {
	from := filepath.Join(d.native, kin.File)
	if sum, err := fileSum(from); err != nil || sum != kin.Sum {
		return errors.Join(err, errors.New("engine: the code of its kin is damaged"))
	}
	kin.File = filepath.Join(filepath.Dir(kin.File), name)
	to := filepath.Join(d.native, kin.File)
	if from == to { // they differ in what the compiler is not given
		return d.enter(key, kin)
	}
	tmp := filepath.Join(d.tmp, name) // somebody may be reading what is at to: it is replaced in one step
	defer os.Remove(tmp)              // it is still there if to is a link to the same file already
	if os.Link(from, tmp) != nil {
		if err := copyFile(from, tmp); err != nil {
			return err
		}
		if info, err := os.Stat(tmp); err == nil {
			d.size += onDisk(info.Size()) - onDisk(0)
		}
	}
	if err := os.Rename(tmp, to); err != nil {
		return err
	}
	return d.enter(key, kin)
}

// copyFile is for disks on which a file has one name only.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
