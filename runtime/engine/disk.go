package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/runtime/meter"
)

// disk is the compile cache on disk:
//
//	<dir>/lock                            held, shared, by each engine that uses the folder
//	<dir>/code-m1-v1.12.0-linux-amd64/    code of another version is deleted when an engine starts that is alone
//	    native/…                          wazero's own cache, which it reads
//	    index/<key>                       which file in native is the code of key, its checksum, and what else has that code (see kin.go); its time is that of its last use
//	    prepared/<hash of a module>       what Compile makes of it before it asks for code, see prepared
//	    tmp/…                             where children compile; emptied when an engine starts that is alone
//
// wazero names its files by a hash of its own, so the index is made by compiling into an empty folder and looking which
// file appeared. A key is in the index only when its file is complete, and the file is checked before it is loaded:
// wazero's checksum does not cover all of it. A file may have several names, one for each entry.
type disk struct {
	native, index, tmp string
	preparedDir        string // see prepared
	preparedBytes      atomic.Int64
	lock               *os.File
	size               int64 // what entries take, about; whoever has the engine's turn may look at it
}

// close lets go of the folder.
func (d *disk) close() { d.lock.Close() }

const versionPrefix = "code-m"

func openDisk(dir, version string) (d *disk, err error) {
	root := fmt.Sprintf("%s%d-%s-%s-%s", versionPrefix, meter.Version, version, runtime.GOOS, runtime.GOARCH)
	dir, err = filepath.Abs(dir) // the compiling process has another working folder
	if err != nil {
		return nil, fmt.Errorf("engine: compile cache: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("engine: make the compile cache: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("engine: compile cache: %w", err)
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	alone, err := share(lock)
	if err != nil {
		return nil, fmt.Errorf("engine: lock the compile cache: %w", err)
	}
	d = &disk{lock: lock}
	if alone {
		// Nobody else compiles here or loads from here, so what looks left over is.
		others, _ := filepath.Glob(filepath.Join(dir, versionPrefix+"*"))
		for _, other := range others {
			if filepath.Base(other) != root {
				if err := os.RemoveAll(other); err != nil {
					return nil, fmt.Errorf("engine: delete compiled code of another version: %w", err)
				}
			}
		}
		if err := os.RemoveAll(filepath.Join(dir, root, "tmp")); err != nil {
			return nil, fmt.Errorf("engine: empty the folder for compiling: %w", err)
		}
		if err := settle(lock); err != nil {
			return nil, fmt.Errorf("engine: lock the compile cache: %w", err)
		}
	}
	root = filepath.Join(dir, root)
	d.native, d.index, d.tmp = filepath.Join(root, "native"), filepath.Join(root, "index"), filepath.Join(root, "tmp")
	d.preparedDir = filepath.Join(root, "prepared")
	for _, folder := range []string{d.native, d.index, d.tmp, d.preparedDir} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("engine: make the compile cache: %w", err)
		}
	}
	if _, _, _, d.size, err = d.survey(); err != nil {
		return nil, fmt.Errorf("engine: look into the compile cache: %w", err)
	}
	d.preparedBytes.Store(d.preparedSize())
	return d, nil
}

// cacheKey is the name of compiled code. The original is part of it because it is the original that was validated.
func cacheKey(original [32]byte, metered []byte, version string) (key [32]byte) {
	h := sha256.New()
	h.Write(original[:])
	m := sha256.Sum256(metered)
	h.Write(m[:])
	fmt.Fprintf(h, "meter %d engine %s", meter.Version, version)
	h.Sum(key[:0])
	return key
}

// engineVersion is wazero's. A binary that does not know what it was built from, such as a test's, is a version of its own:
// code that another wazero made must never be executed.
func engineVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/tetratelabs/wazero" && dep.Version != "" && dep.Replace == nil {
				return dep.Version
			}
		}
	}
	if path, err := os.Executable(); err == nil {
		if s, err := os.Stat(path); err == nil {
			return fmt.Sprintf("unknown-%x-%x", s.Size(), s.ModTime().UnixNano())
		}
	}
	return fmt.Sprintf("unknown-%d", os.Getpid())
}

type entry struct {
	File string `json:"file"` // relative to native
	Sum  string `json:"sha256"`
	// From what it was made, and for which processor; see adoptKin. Without them it is nobody's kin.
	Code string `json:"code,omitempty"`
	Word uint64 `json:"word,omitempty"`
}

func (d *disk) entryPath(key [32]byte) string {
	return filepath.Join(d.index, hex.EncodeToString(key[:]))
}

func (d *disk) read(key [32]byte) (entry, bool) { return readEntry(d.entryPath(key)) }

func readEntry(path string) (entry, bool) {
	b, err := os.ReadFile(path)
	var e entry
	if err != nil || json.Unmarshal(b, &e) != nil || !filepath.IsLocal(e.File) {
		return entry{}, false
	}
	return e, true
}

// whole tells whether the code of an entry is there and undamaged.
func (d *disk) whole(e entry) bool {
	sum, err := fileSum(filepath.Join(d.native, e.File))
	return err == nil && sum == e.Sum
}

// used notes that the code of key was loaded, for prune. If that fails the entry only looks older.
func (d *disk) used(key [32]byte) {
	now := time.Now()
	_ = os.Chtimes(d.entryPath(key), now, now)
}

func (d *disk) forget(key [32]byte) {
	if e, ok := d.read(key); ok {
		_ = os.Remove(filepath.Join(d.native, e.File))
	}
	_ = os.Remove(d.entryPath(key))
}

// adopt moves what a child compiled from a metered module into out to where wazero reads it.
func (d *disk) adopt(key [32]byte, metered []byte, out string) error {
	files, err := filepath.Glob(filepath.Join(out, "*", "*"))
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return fmt.Errorf("engine: the compiling process left %d files, want 1", len(files))
	}
	rel, err := filepath.Rel(out, files[0])
	if err != nil {
		return err
	}
	sum, err := fileSum(files[0])
	if err != nil {
		return err
	}
	to := filepath.Join(d.native, rel)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Rename(files[0], to); err != nil {
		return err
	}
	if info, err := os.Stat(to); err == nil {
		d.size += onDisk(info.Size()) - onDisk(0)
	}
	made := entry{File: rel, Sum: sum}
	if word, ok := processorWord(metered, filepath.Base(rel)); ok && len(metered) >= kinFrom {
		if code, err := codeKey(metered); err == nil {
			made.Code, made.Word = code, word
		}
	}
	return d.enter(key, made)
}

// enter writes an entry into the index, whose code is complete.
func (d *disk) enter(key [32]byte, made entry) error {
	b, err := json.Marshal(made)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(d.tmp, "")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // if it is still there
	_, err = tmp.Write(b)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), d.entryPath(key)); err != nil {
		return err
	}
	d.size += onDisk(0)
	return nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// compileOutside has the metered module compiled by Options.Compiler and takes the result into the cache.
//
// Preconditions: the caller has the turn.
func (e *Engine) compileOutside(ctx context.Context, key [32]byte, metered []byte) error {
	dir, err := os.MkdirTemp(e.disk.tmp, "")
	if err != nil {
		return fmt.Errorf("engine: make a folder to compile in: %w", err)
	}
	defer os.RemoveAll(dir)
	path, out := filepath.Join(dir, "module.wasm"), filepath.Join(dir, "out")
	if err := errors.Join(os.WriteFile(path, metered, 0o600), os.Mkdir(out, 0o700)); err != nil {
		return fmt.Errorf("engine: prepare to compile: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, e.o.CompileTime)
	defer cancel()
	if err := e.o.Compiler(limited, path, out); err != nil {
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("engine: compile: %w", ctx.Err())
		case limited.Err() != nil:
			return &Refused{Kind: TooComplex, Reason: fmt.Sprintf("it did not compile within %s", e.o.CompileTime), Hint: hintComplex, Err: err}
		}
		return err
	}
	if err := e.disk.adopt(key, metered, out); err != nil {
		return fmt.Errorf("engine: keep compiled code: %w", err)
	}
	e.entered(key)
	return nil
}

// entered tells the checks of a new file, and prunes the cache if it is beyond its bound, but not the entry that was just made.
//
// Preconditions: the caller has the turn.
func (e *Engine) entered(fresh [32]byte) {
	if entry, ok := e.disk.read(fresh); ok {
		e.checks.replaced(filepath.Base(entry.File))
	}
	if e.disk.size+e.disk.preparedBytes.Load() > e.o.CacheBytes {
		// Beyond its bound the cache would only be larger than asked: no reason to refuse a module.
		_ = e.prune(fresh)
	}
}

// prune brings the cache on disk back within its bound. What is loaded, or about to be, stays: the next start needs it.
//
// Preconditions: the caller has the turn.
func (e *Engine) prune(fresh [32]byte) error {
	e.loading.Lock()
	defer e.loading.Unlock()
	e.mu.Lock()
	needed := map[string]bool{hex.EncodeToString(fresh[:]): true}
	for key := range e.loaded {
		needed[hex.EncodeToString(key[:])] = true
	}
	e.mu.Unlock()
	return e.disk.prune(e.o.CacheBytes, func(name string) bool { return needed[name] })
}

const hintComplex = "look for very large functions, such as generated tables or parsers, and split them"

// firstLine keeps stack traces of the compiler out of answers.
func firstLine(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	const most = 500
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}
