package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/wedgecdn/wedge/runtime/meter"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// A prepared module is what Compile makes of one before it asks for its code: what it says of itself, and its metered
// form. Of a standard Go guest that is 70 ms of work, which a node that starts would do twice, so it is kept beside the
// code once the module has compiled:
//
//	<dir>/code-…/prepared/<key>     SHA-256 of what follows; the maker; length of the JSON; JSON of head; the metered module
//
// The maker is the program that wrote it, with what its guests may import and the caps: another program may meter in
// another way, and prepares anew what it finds. What is damaged is prepared anew as well.
type prepared struct {
	about
	wasm []byte
	kept bool // it came from the disk
}

// preparedFrom is how large a module is to be for that: a small one is metered before its file is found.
const preparedFrom = 128 << 10

// head is about, as it is written.
type head struct {
	Imports   []Import
	Exports   map[string]Signature
	Memory    bool
	MemoryMin int64
	Metered   meter.Module
}

// prepare does what comes before the code: it refuses what would stop the process when it is validated or compiled, and
// what cannot be linked.
func (e *Engine) prepare(module []byte) (*prepared, error) {
	if err := preamble(module, e.o.MaxBytes); err != nil {
		return nil, err
	}
	hash := sha256.Sum256(module)
	if p := e.prepared(hash, len(module)); p != nil {
		return p, nil
	}
	metered, err := meter.Rewrite(module, e.o.Caps) // which looks at the indices that describe believes
	if err != nil {
		return nil, refused(err)
	}
	parsed, err := wasm.Decode(module)
	if err != nil {
		return nil, refused(err)
	}
	if err := e.known.check(parsed); err != nil {
		return nil, err
	}
	p := &prepared{about: describe(hash, len(module), parsed, metered)}
	if p.wasm, err = marked(module, metered.Wasm); err != nil {
		return nil, refused(err)
	}
	return p, nil
}

// prepared reads what was kept of a module of that hash and size; nil if there is nothing.
func (e *Engine) prepared(hash [32]byte, size int) *prepared {
	if e.disk == nil || size < preparedFrom {
		return nil
	}
	b, err := os.ReadFile(e.disk.preparedPath(hash))
	const fixed = 32 + 32 + 4
	if err != nil || len(b) < fixed {
		return nil
	}
	sum := sha256.Sum256(b[32:])
	if !bytes.Equal(b[:32], sum[:]) || !bytes.Equal(b[32:64], e.maker[:]) {
		return nil
	}
	n := binary.LittleEndian.Uint32(b[64:])
	b = b[fixed:]
	var h head
	if int64(n) > int64(len(b)) || json.Unmarshal(b[:n], &h) != nil {
		return nil
	}
	return &prepared{
		about: about{hash: hash, size: size, imports: h.Imports, exports: h.Exports, memory: h.Memory, memoryMin: h.MemoryMin, metered: h.Metered},
		wasm:  b[n:], kept: true,
	}
}

// keepPrepared writes it down, for a module that is valid and has its code in the cache. If that fails the next start is
// slower.
func (e *Engine) keepPrepared(p *prepared) {
	if e.disk == nil || p.kept || p.size < preparedFrom {
		return
	}
	j, err := json.Marshal(head{p.imports, p.exports, p.memory, p.memoryMin, p.metered})
	if err != nil {
		return
	}
	b := make([]byte, 32, 32+32+4+len(j)+len(p.wasm))
	b = binary.LittleEndian.AppendUint32(append(b, e.maker[:]...), uint32(len(j)))
	b = append(append(b, j...), p.wasm...)
	sum := sha256.Sum256(b[32:])
	copy(b, sum[:])
	f, err := os.CreateTemp(e.disk.tmp, "")
	if err != nil {
		return
	}
	defer os.Remove(f.Name()) // if it is still there
	_, err = f.Write(b)
	if f.Close() != nil || err != nil {
		return
	}
	path, more := e.disk.preparedPath(p.hash), onDisk(int64(len(b)))-block
	if before, err := os.Stat(path); err == nil { // damaged, or of another program
		more -= onDisk(before.Size()) - block
	}
	if os.Rename(f.Name(), path) == nil {
		e.disk.preparedBytes.Add(more)
	}
}

func (d *disk) preparedPath(hash [32]byte) string {
	return filepath.Join(d.preparedDir, hex.EncodeToString(hash[:]))
}

// makerOf names this program and what it makes of modules.
func makerOf(o *Options) (maker [32]byte) {
	h := sha256.New()
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Fprintln(h, info)
	}
	if path, err := os.Executable(); err == nil {
		if s, err := os.Stat(path); err == nil {
			fmt.Fprintln(h, s.Size(), s.ModTime().UnixNano())
		}
	}
	fmt.Fprintf(h, "%+v\n", o.Caps)
	signatures := make([]string, 0, len(o.Host))
	for i := range o.Host {
		signatures = append(signatures, o.Host[i].Signature())
	}
	slices.Sort(signatures)
	fmt.Fprintln(h, signatures)
	h.Sum(maker[:0])
	return maker
}

// prunePrepared deletes what was prepared: it is made again in less time than anything else here.
func (d *disk) prunePrepared() error {
	names, err := os.ReadDir(d.preparedDir)
	if err != nil {
		return err
	}
	d.preparedBytes.Store(0)
	var errs []error
	for _, n := range names {
		errs = append(errs, os.Remove(filepath.Join(d.preparedDir, n.Name())))
	}
	return errors.Join(errs...)
}

// preparedSize is what it takes, about.
func (d *disk) preparedSize() (size int64) {
	_ = filepath.WalkDir(d.preparedDir, func(_ string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return nil
		}
		if info, err := f.Info(); err == nil {
			size += onDisk(info.Size()) - block
		}
		return nil
	})
	return size
}
