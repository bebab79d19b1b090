package meter

import (
	"fmt"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Version names what this package makes of a module. It goes up with every change of its output or of the cost table,
// and is part of the key of everything that is kept of it, together with the [Caps].
const Version = 10

// Names that a rewritten module shares with its host.
const (
	// TickModule and TickName are the import that a module calls when its counter is below zero: (i64) -> (i64), from the
	// counter to the counter to go on with.
	TickModule = "wedge_meter"
	TickName   = "tick"

	// FuelGlobal is the export of the counter, a mutable i64. Zero when an instance begins.
	FuelGlobal = "wedge_meter_fuel"

	// StackGlobal is the export of what is left of the call stack, a mutable i64, if a function counts it. A call that returns
	// leaves it as it was, one that traps does not: who goes on with the instance puts it back, with [Module.Globals].
	StackGlobal = "wedge_meter_stack"

	// GlobalPrefix and a number is the export of each mutable global that is part of an instance's state, so that a host
	// can put it back to what it was: see [Module.Globals].
	GlobalPrefix = "wedge_meter_global_"

	// SaveName and RestoreName are exported if [Module.Saves]: () -> (), to be called when the state to go back to is
	// reached; and () -> (i32), to be called when it has to be put back, which answers 0 if that is impossible. Both are
	// metered like other functions.
	SaveName    = "wedge_meter_save"
	RestoreName = "wedge_meter_restore"
)

// Rewrite returns the metered form of a module, or why there is none: [*Refused] for what is not allowed or above a cap,
// another error with a [*wasm.Error] in it for what is malformed. It keeps no part of its input.
//
// It does not validate: see the package's comment for what has to come next. It never panics.
func Rewrite(module []byte, caps Caps) (*Module, error) {
	w, err := rewrite(module, caps, nil)
	if err != nil {
		return nil, err
	}
	return w.result()
}

// rewrite does the work of Rewrite up to putting the result together.
func rewrite(module []byte, caps Caps, t *trace) (*rewriter, error) {
	caps = caps.withDefaults()
	if len(module) > caps.ModuleBytes {
		return nil, tooMany(0, "bytes of module", int64(len(module)), int64(caps.ModuleBytes))
	}
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, asRefused(err)
	}
	if err := caps.declared(m); err != nil {
		return nil, err
	}
	w := newRewriter(m, caps)
	w.trace = t
	if err := w.indices(); err != nil {
		return nil, err
	}
	w.findCallees(tinyMost)
	w.noteWrites()
	w.findRecursion()
	w.reshapes = true
	if err := w.bodies(newPlan(w).body); err != nil {
		return nil, err
	}
	w.keepState()
	return w, nil
}

// rewriter holds one module while it is rewritten.
//
// The import of tick takes the function index behind the imports, so functions that the module defines move up by one;
// injected functions, the counter and new types come last, so nothing else moves.
type rewriter struct {
	m    *wasm.Module
	caps Caps

	imported  uint32   // functions; also the index of tick
	functions uint32   // imported and defined, before tick
	imports   []uint32 // types of the imported functions
	globals   uint32   // imported and defined
	counter   uint32   // index of the counter
	tables    []wasm.Table

	code       []byte // rewritten bodies, each with its size
	injected   []injected
	injectedAt map[injectKey]uint32

	callees   callees
	recursion *recursion        // nil in tests: the stack is not counted
	written   *written          // nil: nobody notes what is written
	stack     uint32            // index of the global that counts it
	look      uint32            // index of the function that looks at it
	types     []wasm.FuncType   // behind the module's own
	typeAt    map[string]uint32 // by encoding
	namesData bool              // some code, perhaps unreachable, names a data segment
	keeper
	effort effort

	reshapes bool   // not in some tests
	shape    *shape // of the body that is being rewritten; nil if it stays as it is

	trace *trace // nil unless somebody wants to know where instructions come from
}

func newRewriter(m *wasm.Module, caps Caps) *rewriter {
	w := &rewriter{
		m:          m,
		caps:       caps,
		imported:   uint32(m.Imported(wasm.FuncKind)),
		globals:    uint32(m.Imported(wasm.GlobalKind) + len(m.Globals)),
		tables:     m.AllTables(),
		injectedAt: map[injectKey]uint32{},
		typeAt:     map[string]uint32{},
		keeper:     keeper{changed: map[uint32]bool{}, dropped: map[segment]int32{}},
	}
	w.functions = w.imported + uint32(len(m.Funcs))
	for _, im := range m.Imports {
		if im.Kind == wasm.FuncKind {
			w.imports = append(w.imports, im.Type)
		}
	}
	w.counter = w.addGlobal(FuelGlobal, wasm.ValType{Code: wasm.I64}, byte(wasm.I64Const), 0)
	return w
}

func (w *rewriter) result() (*Module, error) {
	w.generate()
	d := w.describe()
	var err error
	if d.Wasm, err = w.assemble(); err != nil {
		return nil, err
	}
	return d, nil
}

// indices checks those that are moved or that new things come behind: what is unknown before must not be known after.
func (w *rewriter) indices() error {
	for _, u := range w.m.FuncUses {
		if u.Index >= w.functions {
			return malformed(u.Offset, "unknown function %d", u.Index)
		}
	}
	for i, t := range w.m.Funcs {
		if int64(t) >= int64(len(w.m.Types)) {
			return malformed(0, "unknown type %d of function %d", t, int(w.imported)+i)
		}
	}
	for _, im := range w.m.Imports {
		if im.Kind == wasm.FuncKind && int64(im.Type) >= int64(len(w.m.Types)) {
			return malformed(im.Offset, "unknown type %d of an import", im.Type)
		}
	}
	for _, e := range w.m.Exports {
		switch {
		case e.Kind == wasm.GlobalKind && e.Index >= w.globals:
			return malformed(e.Offset, "unknown global %d", e.Index)
		case e.Kind == wasm.TableKind && int64(e.Index) >= int64(len(w.tables)):
			return malformed(e.Offset, "unknown table %d", e.Index)
		}
	}
	for _, e := range w.m.Elements {
		if int64(e.Table) >= int64(len(w.tables)) && e.Table != 0 {
			return malformed(e.Offset, "unknown table %d", e.Table)
		}
	}
	return nil
}

// bodies rewrites the code; planned says what to change in a body with so many locals, parameters included.
func (w *rewriter) bodies(planned func(index, locals int) ([]edit, error)) error {
	out := w.assembler()
	out.look, out.traced = w.look, w.trace != nil
	var size int
	for i := range w.m.Bodies {
		size += len(w.m.Bodies[i].Raw)
	}
	w.code = make([]byte, 0, size+size/2)
	for i := range w.m.Bodies {
		b := w.m.Bodies[i]
		if len(b.Raw) > w.caps.BodyBytes {
			return refuse(b.Offset, hintSplit, "function of %d bytes, at most %d are allowed", len(b.Raw), w.caps.BodyBytes)
		}
		locals := b.Locals + uint64(len(w.m.Types[w.m.Funcs[i]].Params))
		if locals > uint64(w.caps.Locals) {
			return refuse(b.Offset, hintSplit, "function with %d locals, at most %d are allowed", locals, w.caps.Locals)
		}
		edits, err := w.plan(i, int(locals), planned)
		if err != nil {
			return err
		}
		raw := w.m.Bodies[i].Raw
		w.m.Bodies[i] = b
		out.b, out.spans = out.b[:0], out.spans[:0]
		from := 0
		if added := w.locals(i); len(added) > 0 {
			from = b.Code
			out.b = withLocals(out.b, b, added)
		}
		out.apply(raw, from, edits)
		w.code = wasm.AppendU32(w.code, uint32(len(out.b)))
		w.trace.body(w.imported+uint32(i), b, w.shape, &out, len(w.code))
		w.code = append(w.code, out.b...)
		if len(w.code) > 4*w.caps.ModuleBytes {
			return refuse(b.Offset, hintSplit, "so many loops and branches that metering them makes more than %d bytes of code", 4*w.caps.ModuleBytes)
		}
	}
	return nil
}

// plan has a body planned, in another shape if that is better, which then stands in its place. An error speaks of the original.
func (w *rewriter) plan(i, locals int, planned func(index, locals int) ([]edit, error)) ([]edit, error) {
	w.shape = nil
	b := w.m.Bodies[i]
	if w.reshapes {
		w.shape = reshape(&b, locals, w.caps.Nesting)
	}
	if w.shape == nil {
		return planned(i, locals)
	}
	w.m.Bodies[i].Raw = w.shape.raw
	edits, err := planned(i, locals)
	if err != nil {
		w.m.Bodies[i], w.shape = b, nil
		if _, told := planned(i, locals); told != nil {
			return nil, told
		}
		return nil, fmt.Errorf("BUG: a function at offset %d cannot be reshaped: %w", b.Offset, err)
	}
	return edits, nil
}

// assembler is what writes code of the module.
func (w *rewriter) assembler() code {
	c := code{counter: w.counter, tick: w.imported, stack: w.stack}
	if w.written != nil {
		c.notes, c.written, c.from = true, w.written.global, w.written.from
	}
	return c
}

// locals are the types of those that a body gets beside its own: what was left of the stack, then what notes need.
func (w *rewriter) locals(i int) (types []byte) {
	if w.recursion != nil && w.recursion.counted[i] {
		types = append(types, wasm.I64)
	}
	if w.written != nil {
		types = append(types, w.written.types[i].locals()...)
	}
	return types
}

// withLocals appends the declaration of a body's locals, with more behind them.
func withLocals(out []byte, b wasm.Body, types []byte) []byte {
	r := wasm.NewReader(b.Raw[:b.Code], 0)
	out = wasm.AppendU32(out, r.U32("a number of groups")+uint32(len(types)))
	out = append(out, b.Raw[r.Pos():b.Code]...)
	for _, typ := range types {
		out = append(out, 1, typ)
	}
	return out
}

// apply copies a body from a place on, with its edits.
func (c *code) apply(raw []byte, from int, edits []edit) {
	done := from
	for i := range edits {
		e := &edits[i]
		c.keep(raw, done, e.at)
		done = e.to
		switch e.kind {
		case payment:
			if e.round {
				c.checkRound()
			}
			c.charge(e.units)
			if e.check {
				c.check()
			}
		case moved:
			c.b = wasm.AppendU32(c.b, e.index)
		case bulk:
			c.idx(wasm.Call, e.index)
		case drop:
			c.i32(1)
			c.idx(wasm.GlobalSet, e.index)
		case enter:
			c.push(e.units, e.check, e.index)
			c.b = append(c.b, byte(wasm.Block))
			c.b = wasm.AppendS64(c.b, e.block)
		case leave:
			c.pop(e.index)
		case exit:
			c.ops(wasm.End)
			c.pop(e.index)
		case jump:
			c.idx(wasm.Br, e.index)
		case note:
			c.noteStore(e.index, uint32(e.block), e.units)
		case forget:
			c.forget()
		case again:
			c.i32(0)
			c.ops(wasm.I32Ne)
		}
	}
	c.keep(raw, done, len(raw))
}

// keep copies a part of a body as it is.
func (c *code) keep(raw []byte, from, to int) {
	if c.traced {
		c.spans = append(c.spans, span{from, len(c.b), to - from})
	}
	c.b = append(c.b, raw[from:to]...)
}
