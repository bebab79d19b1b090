package meter

import "github.com/wedgecdn/wedge/runtime/wasm"

// Caps are static limits on a module: what it may declare, and what it may cost to compile. A zero field is its default.
//
// A compiler joins every local at every loop header, and through all loops around it. With the engine of today n locals
// in n nested loops take 0.3 s for n = 100, 6 s for 200 and 50 s for 400, in 7 KB; programs by Go, Rust, Zig and TinyGo
// stay below 250 for locals × depth. All functions together may have five times what one may, small ones not counted.
type Caps struct {
	ModuleBytes   int    // the whole module, which may grow to four times this; default 32 MiB
	Functions     int    // imported and defined; default 100 000
	BodyBytes     int    // one function; default 1 MiB
	Locals        int    // one function, parameters included; default 10 000
	Params        int    // parameters, and results, of one type; default 128
	Nesting       int    // depth of blocks, loops and ifs in one function; default 10 000
	LocalsByDepth int    // one function: (locals + 20) × depth of its loops; default 10 000
	LocalsByLoops int    // one function: (locals + 10) × number of its loops; default 400 000
	Globals       int    // imported and defined; default 10 000
	Tables        int    // imported and defined; default 16
	TableEntries  uint32 // declared by all tables together, and reached by table.grow in each; default 65 536
	MemoryPages   uint32 // declared at the start, 64 KiB each; default 2048
	Stack         int    // bytes of call stack, as recursion estimates them; default 1 MiB
}

func (c Caps) withDefaults() Caps {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&c.ModuleBytes, 32<<20)
	set(&c.Functions, 100_000)
	set(&c.BodyBytes, 1<<20)
	set(&c.Locals, 10_000)
	set(&c.Params, 128)
	set(&c.Nesting, 10_000)
	set(&c.LocalsByDepth, 10_000)
	set(&c.LocalsByLoops, 400_000)
	set(&c.Globals, 10_000)
	set(&c.Tables, 16)
	set(&c.Stack, 1<<20)
	if c.TableEntries == 0 {
		c.TableEntries = 65_536
	}
	if c.MemoryPages == 0 {
		c.MemoryPages = 2048
	}
	return c
}

// effort adds up what functions take to compile beyond what ordinary ones take.
type effort struct{ depth, loops int64 }

func (c Caps) function(e *effort, offset, locals, loops, deepest int) error {
	depth, flat := int64(locals+20)*int64(deepest), int64(locals+10)*int64(loops)
	if depth > 1000 {
		e.depth += depth
	}
	if flat > 10_000 {
		e.loops += flat
	}
	most, mostFlat := int64(c.LocalsByDepth), int64(c.LocalsByLoops)
	if depth > most || flat > mostFlat || e.depth > 5*most || e.loops > 5*mostFlat {
		return refuse(offset, hintSplit, "function with %d locals and %d loops, up to %d deep: too costly to compile",
			locals, loops, deepest)
	}
	return nil
}

const hintSplit = "split the function, or have the operator raise the cap"

func tooMany(offset int, what string, n, most int64) error {
	return refuse(offset, "reduce it, or have the operator raise the cap", "%d %s, at most %d are allowed", n, what, most)
}

// declared checks what the module declares, and that it needs nothing that cannot be bounded.
func (c Caps) declared(m *wasm.Module) error {
	if m.Groups > 0 {
		return refuse(0, hintFeature, "recursive types, of the garbage collection proposal")
	}
	for i, t := range m.Types {
		if n := max(len(t.Params), len(t.Results)); n > c.Params {
			return refuse(0, hintSplit, "type %d has %d parameters or results, at most %d are allowed", i, n, c.Params)
		}
		for _, v := range append(t.Params[:len(t.Params):len(t.Params)], t.Results...) {
			if v.IsExn() {
				return refuse(0, hintExcept, "type %d holds an exception", i)
			}
		}
	}
	for _, im := range m.Imports {
		switch {
		case im.Module == TickModule:
			return refuse(im.Offset, hintRename, "import of %q.%q", im.Module, im.Name)
		case im.Kind == wasm.TagKind:
			return refuse(im.Offset, hintExcept, "import of an exception tag")
		}
	}
	if len(m.Tags) > 0 {
		return refuse(m.Tags[0].Offset, hintExcept, "exception tag")
	}
	for _, e := range m.Exports {
		if len(e.Name) >= len(TickModule) && e.Name[:len(TickModule)] == TickModule {
			return refuse(e.Offset, hintRename, "export %q", e.Name)
		}
	}
	if n := m.Imported(wasm.FuncKind) + len(m.Funcs); n > c.Functions {
		return tooMany(0, "functions", int64(n), int64(c.Functions))
	}
	if n := m.Imported(wasm.GlobalKind) + len(m.Globals); n > c.Globals {
		return tooMany(0, "globals", int64(n), int64(c.Globals))
	}
	if err := c.memories(m); err != nil {
		return err
	}
	return c.tables(m)
}

func (c Caps) memories(m *wasm.Module) error {
	for i, mem := range m.AllMemories() {
		switch {
		case i > 0:
			return refuse(mem.Offset, hintFeature, "more memories than one")
		case mem.Limits.Shared:
			return refuse(mem.Offset, hintThreads, "memory that is shared between threads")
		case mem.Limits.Min > c.MemoryPages:
			return tooMany(mem.Offset, "pages of memory at the start", int64(mem.Limits.Min), int64(c.MemoryPages))
		}
	}
	for _, d := range m.Data {
		if d.Memory != 0 {
			return refuse(d.Offset, hintFeature, "data segment for memory %d", d.Memory)
		}
	}
	return nil
}

func (c Caps) tables(m *wasm.Module) error {
	var sum int64
	for i, t := range m.AllTables() {
		sum += int64(t.Limits.Min)
		switch {
		case i >= c.Tables:
			return tooMany(t.Offset, "tables", int64(len(m.AllTables())), int64(c.Tables))
		case t.Limits.Shared:
			return refuse(t.Offset, hintThreads, "table that is shared between threads")
		case sum > int64(c.TableEntries):
			return tooMany(t.Offset, "table entries", sum, int64(c.TableEntries))
		case t.Type.IsExn():
			return refuse(t.Offset, hintExcept, "table of exceptions")
		}
	}
	return nil
}
