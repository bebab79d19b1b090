package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/tetratelabs/wazero"
)

// Engine compiles modules and holds what they are linked to. All methods may be called by many goroutines at once.
//
// One module compiles at a time (turn): compiling is the most that a node does at once, and whoever uploads ten modules
// should not slow down requests ten times as much. A module that is compiled already, in memory or on disk, needs no turn.
type Engine struct {
	o       Options
	version string   // of wazero
	maker   [32]byte // of prepared modules
	rt      wazero.Runtime
	cache   wazero.CompilationCache // nil without CacheDir
	disk    *disk                   // nil without CacheDir
	checks  checks                  // of files that cache is going to read
	// buffered says that cache reads no file that is being checked.
	buffered bool
	known    catalogue
	turn     chan struct{}
	loading  sync.RWMutex // held, for reading, from the look into the disk cache until the code is loaded; before mu

	mu     sync.Mutex
	loaded map[[32]byte]*code // by key; INVARIANT: refs > 0
	closed bool
}

// New makes an engine and links its host functions.
func New(o Options) (_ *Engine, err error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	e := &Engine{o: o, version: engineVersion(), maker: makerOf(&o), known: newCatalogue(o.Host), turn: make(chan struct{}, 1), loaded: map[[32]byte]*code{}}
	ctx := context.Background()
	config := runtimeConfig(o.Interpreter)
	if o.CacheDir != "" {
		if e.disk, err = openDisk(o.CacheDir, e.version); err != nil {
			return nil, err
		}
		if e.cache, err = wazero.NewCompilationCacheWithDir(e.disk.native); err != nil {
			return nil, fmt.Errorf("engine: open compile cache: %w", err)
		}
		e.buffered = buffer(e.cache, &e.checks)
		config = config.WithCompilationCache(e.cache)
	}
	e.rt = wazero.NewRuntimeWithConfig(ctx, config)
	if err := link(ctx, e.rt, o.Host); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// ErrClosed is what Compile returns after Close.
var ErrClosed = errors.New("engine: closed")

// Close frees everything. The caller has closed all instances before.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	ctx := context.Background()
	err := e.rt.Close(ctx)
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(ctx))
	}
	if e.disk != nil {
		e.disk.close()
	}
	return err
}

// Compile returns the module of these bytes, ready to make instances. A module that cannot run here is a *Refused. The
// same bytes compile once; each Module that Compile returned is closed by its caller.
//
// The order matters. The rewriter is first, because it refuses what would already stop the process while it is read or
// validated; the original is validated then, because an invalid module may be valid once it is rewritten; and only then
// does the rewritten one compile.
func (e *Engine) Compile(ctx context.Context, module []byte) (*Module, error) {
	p, err := e.prepare(module)
	if err != nil {
		return nil, err
	}
	c := &code{engine: e, about: p.about}
	c.key = cacheKey(c.hash, p.wasm, e.version)
	m, err := e.code(ctx, c, module, p.wasm)
	if err == nil {
		e.keepPrepared(p)
	}
	return m, err
}

// code finds or makes the code of a prepared module.
func (e *Engine) code(ctx context.Context, c *code, module, metered []byte) (*Module, error) {
	if m, err := e.find(ctx, c, metered); m != nil || err != nil {
		return m, err
	}
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("engine: wait for another module to compile: %w", ctx.Err())
	}
	if m, err := e.find(ctx, c, metered); m != nil || err != nil { // compiled while we waited
		return m, err
	}
	var err error
	if c.compiled, err = e.build(ctx, c.key, module, metered); err != nil {
		return nil, err
	}
	return e.keep(c), nil
}

// find returns the module from memory or from disk, or nil if it has to be compiled.
func (e *Engine) find(ctx context.Context, c *code, metered []byte) (*Module, error) {
	if m, err := e.retain(c.key); m != nil || err != nil {
		return m, err
	}
	if e.disk == nil {
		return nil, nil
	}
	e.loading.RLock()
	defer e.loading.RUnlock()
	entry, ok := e.disk.read(c.key)
	if !ok {
		return nil, nil
	}
	name := filepath.Base(entry.File)
	check := e.checks.start(name, func() bool { return e.disk.whole(entry) })
	defer e.checks.end(name, check)
	if !e.buffered && !check.wait() {
		return nil, nil
	}
	compiled, err := e.compile(ctx, metered)
	switch {
	case !check.wait(): // which is an error as well, or wazero never asked for the file
		if err == nil {
			_ = compiled.Close(ctx)
		}
		return nil, nil
	case err != nil:
		e.disk.forget(c.key) // damaged in a way that its checksum does not show
		return nil, nil
	}
	c.compiled = compiled
	e.disk.used(c.key)
	return e.keep(c), nil
}

// build validates and compiles.
//
// Preconditions: the caller has the turn.
func (e *Engine) build(ctx context.Context, key [32]byte, module, metered []byte) (wazero.CompiledModule, error) {
	if err := validate(ctx, module); err != nil {
		return nil, err
	}
	if e.o.Compiler != nil {
		if e.adoptKin(key, metered) {
			if c, err := e.compile(ctx, metered); err == nil {
				return c, nil
			}
			e.disk.forget(key) // its kin is of another processor, if the folder has come from there
		}
		if err := e.compileOutside(ctx, key, metered); err != nil {
			return nil, err
		}
	}
	c, err := e.compile(ctx, metered)
	if err != nil {
		return nil, &Refused{Kind: Internal, Reason: "the compiler failed: " + firstLine(err), Hint: "report the module to the makers of this node", Err: err}
	}
	return c, nil
}

// compile hands the metered module to wazero, which looks into the disk cache first. A panic of the compiler is an error:
// the module is a stranger's.
func (e *Engine) compile(ctx context.Context, metered []byte) (c wazero.CompiledModule, err error) {
	defer func() {
		if v := recover(); v != nil {
			c, err = nil, fmt.Errorf("engine: the compiler panicked: %v", v)
		}
	}()
	return e.rt.CompileModule(ctx, metered)
}

// validate asks the interpreter, which does not generate code. Its runtime is thrown away: it would keep each function
// type that it has ever seen.
func validate(ctx context.Context, module []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Refused{Kind: Invalid, Reason: fmt.Sprintf("the validator panicked: %v", v), Hint: "report the module to the makers of this node"}
		}
	}()
	rt := wazero.NewRuntimeWithConfig(ctx, runtimeConfig(true).WithDebugInfoEnabled(false))
	defer rt.Close(ctx)
	if _, err := rt.CompileModule(ctx, module); err != nil {
		return &Refused{Kind: Invalid, Reason: "it is not valid: " + firstLine(err), Hint: "the compiler that made it is broken, or the file is damaged", Err: err}
	}
	return nil
}
