package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/meter"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

const pageSize = 64 << 10

// Signature is the type of a function.
type Signature struct{ Params, Results []hostcall.ValueType }

// String returns the type as "(i32, i64) i32".
func (s Signature) String() string { return signature(s.Params, s.Results) }

// Import names a function that a module needs.
type Import struct{ Module, Name string }

// about is what a module says of itself. It never changes.
type about struct {
	hash      [32]byte
	size      int
	imports   []Import
	exports   map[string]Signature
	memory    bool
	memoryMin int64
	metered   meter.Module
}

func describe(hash [32]byte, size int, m *wasm.Module, metered *meter.Module) about {
	a := about{hash: hash, size: size, exports: map[string]Signature{}, metered: *metered}
	a.metered.Wasm = nil
	for _, im := range m.Imports {
		a.imports = append(a.imports, Import{im.Module, im.Name})
	}
	var types []uint32 // of all functions, by index
	for _, im := range m.Imports {
		if im.Kind == wasm.FuncKind {
			types = append(types, im.Type)
		}
	}
	types = append(types, m.Funcs...)
	for _, ex := range m.Exports {
		if ex.Kind == wasm.FuncKind { // a validator has seen the indices
			t := m.Types[types[ex.Index]]
			a.exports[ex.Name] = Signature{codes(t.Params), codes(t.Results)}
		}
	}
	for _, mem := range m.AllMemories() {
		a.memory, a.memoryMin = true, int64(mem.Limits.Min)*pageSize
	}
	return a
}

func codes(list []wasm.ValType) []hostcall.ValueType {
	out := make([]hostcall.ValueType, len(list))
	for i, t := range list {
		out[i] = hostcall.ValueType(t.Code)
	}
	return out
}

// code is a compiled module that several Modules and instances share. It is freed with the last of them.
//
// refs is guarded by engine.mu. INVARIANT: while refs > 0 it is in engine.loaded and compiled is open.
type code struct {
	engine   *Engine
	key      [32]byte
	compiled wazero.CompiledModule
	about
	refs int
}

// Module is a compiled module. Its methods may be called by many goroutines at once.
type Module struct {
	code   *code
	closed atomic.Bool
}

// retain returns a new Module of code that is loaded already, or nil.
func (e *Engine) retain(key [32]byte) (*Module, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	c := e.loaded[key]
	if c == nil {
		return nil, nil
	}
	c.refs++
	return &Module{code: c}, nil
}

// keep takes over c and returns a Module of it. If somebody else loaded the same at the same time, that one is kept. After
// Close the engine's runtime, which is closed, has no use for it: instances of it are refused.
func (e *Engine) keep(c *code) *Module {
	e.mu.Lock()
	defer e.mu.Unlock()
	if other := e.loaded[c.key]; other != nil {
		_ = c.compiled.Close(context.Background()) // the engine counts them, and forgets the code with the last
		other.refs++
		return &Module{code: other}
	}
	c.refs = 1
	e.loaded[c.key] = c
	return &Module{code: c}
}

func (c *code) release() {
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.refs--; c.refs > 0 {
		return
	}
	delete(e.loaded, c.key)
	_ = c.compiled.Close(context.Background()) // only ever nil: it forgets the code
}

// Close gives the module back. Instances that are alive go on; the code is freed with the last of them. A second Close
// does nothing.
func (m *Module) Close() {
	if m.closed.CompareAndSwap(false, true) {
		m.code.release()
	}
}

// Hash is the SHA-256 of the module as it was given to Compile.
func (m *Module) Hash() [32]byte { return m.code.hash }

// Size is its length in bytes.
func (m *Module) Size() int { return m.code.size }

// Imports lists the functions that the module needs, in its own order. The caller does not change it.
func (m *Module) Imports() []Import { return m.code.imports }

// Export returns the type of an exported function.
func (m *Module) Export(name string) (Signature, bool) {
	s, ok := m.code.exports[name]
	return s, ok
}

// Exports returns the names of the exported functions, sorted.
func (m *Module) Exports() []string { return slices.Sorted(maps.Keys(m.code.exports)) }

// Command tells whether the module is a program with a main function instead of a library of hooks. Such a module runs
// once and ends; edge/function refuses it with a hint.
func (m *Module) Command() bool {
	_, ok := m.code.exports["_start"]
	return ok
}

// Memory returns the size of the linear memory that an instance begins with, in bytes, and whether there is one.
func (m *Module) Memory() (int64, bool) { return m.code.memoryMin, m.code.memory }

// Metered returns what the meter says of the module, without its bytes. The caller does not change it.
func (m *Module) Metered() *meter.Module { return &m.code.metered }

// Instantiate makes an instance. Only the start section runs, with ctx, which must have a Caller; ctx may also have an
// allocator for the memory. The caller closes the instance and then calls release.
func (m *Module) Instantiate(ctx context.Context) (instance api.Module, release func(), err error) {
	c := m.code
	c.engine.mu.Lock()
	if m.closed.Load() || c.engine.closed {
		c.engine.mu.Unlock()
		return nil, nil, fmt.Errorf("engine: instance of a closed module: %w", ErrClosed)
	}
	c.refs++
	c.engine.mu.Unlock()
	defer func() {
		if instance == nil { // an error, or a panic because there is no memory
			c.release()
		}
	}()
	// The source is never read, as WASI is ours; without one the engine seeds a generator for each instance.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader)
	instance, err = c.engine.rt.InstantiateModule(ctx, c.compiled, config)
	if err != nil {
		return nil, nil, err // and no interface with a nil pointer in it
	}
	return instance, c.release, nil
}
