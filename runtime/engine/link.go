package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/meter"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Caller is the instance that a guest's call belongs to. The context of every call into a guest is a Caller, or has one
// as its value for CallerKey.
type Caller interface {
	// HostCall runs f, which the guest called.
	HostCall(f *hostcall.Func, stack []uint64)
	// Tick is told that the guest's slice is empty, with the exact, negative counter, and returns the next slice; or what the
	// guest is about to write, as meter.Announced reads it, which returns what the guest drops. It panics
	// to unwind the guest. With meter.StackSpent it is told that the guest's call stack is spent, and does not return.
	Tick(counter int64) int64
}

// CallerKey is the key of a context's Caller.
type CallerKey struct{}

func callerOf(ctx context.Context) Caller {
	if c, ok := ctx.(Caller); ok { // Fast path: always so, but for start functions
		return c
	}
	c, ok := ctx.Value(CallerKey{}).(Caller)
	if !ok {
		panic("BUG: engine: a guest runs without a caller in its context")
	}
	return c
}

// link makes the host's modules, with the meter's own.
func link(ctx context.Context, rt wazero.Runtime, host []hostcall.Func) error {
	tick := api.GoFunc(func(ctx context.Context, stack []uint64) {
		stack[0] = uint64(callerOf(ctx).Tick(int64(stack[0])))
	})
	i64 := []api.ValueType{api.ValueTypeI64}
	_, err := rt.NewHostModuleBuilder(meter.TickModule).NewFunctionBuilder().
		WithGoFunction(tick, i64, i64).Export(meter.TickName).Instantiate(ctx)
	if err != nil {
		return fmt.Errorf("engine: link %s: %w", meter.TickModule, err)
	}
	modules := map[string]wazero.HostModuleBuilder{}
	for i := range host {
		f := &host[i]
		b := modules[f.Module]
		if b == nil {
			b = rt.NewHostModuleBuilder(f.Module)
			modules[f.Module] = b
		}
		body := api.GoFunc(func(ctx context.Context, stack []uint64) { callerOf(ctx).HostCall(f, stack) })
		b.NewFunctionBuilder().WithGoFunction(body, valueTypes(f.Params), valueTypes(f.Results)).Export(f.Name)
	}
	for name, b := range modules {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("engine: link %s: %w", name, err)
		}
	}
	return nil
}

func valueTypes(list []hostcall.ValueType) []api.ValueType {
	out := make([]api.ValueType, len(list))
	for i, t := range list {
		out[i] = api.ValueType(t)
	}
	return out
}

// catalogue is what guests may import.
type catalogue struct {
	byName  map[[2]string]*hostcall.Func
	modules []string // sorted
}

func newCatalogue(host []hostcall.Func) catalogue {
	c := catalogue{byName: map[[2]string]*hostcall.Func{}}
	for i := range host {
		f := &host[i]
		c.byName[[2]string{f.Module, f.Name}] = f
		if !slices.Contains(c.modules, f.Module) {
			c.modules = append(c.modules, f.Module)
		}
	}
	slices.Sort(c.modules)
	return c
}

// check compares a module's imports with what there is, and names all that do not fit.
func (c catalogue) check(m *wasm.Module) error {
	var problems []string
	hint := "link the module against the interfaces of this node: " + strings.Join(c.modules, ", ")
	offset := 0
	for _, im := range m.Imports {
		name := im.Module + "." + im.Name
		f, problem := c.byName[[2]string{im.Module, im.Name}], ""
		switch {
		case im.Kind != wasm.FuncKind:
			problem = fmt.Sprintf("%s is a %s, and only functions can be imported", name, kindName(im.Kind))
		case f == nil && im.Module == "env":
			problem = name + " is unknown"
			hint = "imports from env are symbols that the linker did not find: link the library that defines them"
		case f == nil && strings.HasPrefix(im.Module, "wasi:"):
			problem = name + " is unknown"
			hint = "this node has WASI preview 1: build for wasip1"
		case f == nil:
			problem = name + " is unknown"
		default:
			if want, got := signature(f.Params, f.Results), importType(m, im.Type); want != got {
				problem = fmt.Sprintf("%s is imported as %s, and is %s", name, got, want)
				hint = "build with the SDK of this node's version"
			}
		}
		if problem != "" {
			if offset == 0 {
				offset = im.Offset
			}
			problems = append(problems, problem)
		}
	}
	if problems == nil {
		return nil
	}
	return &Refused{Kind: BadImport, Offset: offset, Hint: hint, Reason: bounded(problems)}
}

// bounded keeps an answer readable when a module has thousands of unknown imports.
func bounded(problems []string) string {
	const most = 50
	if n := len(problems); n > most {
		problems = append(problems[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return "imports: " + strings.Join(problems, "; ")
}

func kindName(kind byte) string {
	switch kind {
	case wasm.TableKind:
		return "table"
	case wasm.MemoryKind:
		return "memory"
	case wasm.GlobalKind:
		return "global"
	}
	return "tag"
}

func importType(m *wasm.Module, index uint32) string {
	if int64(index) >= int64(len(m.Types)) {
		return "an unknown type"
	}
	t := m.Types[index]
	return signature(t.Params, t.Results)
}

func signature[T fmt.Stringer](params, results []T) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, t := range params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.String())
	}
	b.WriteByte(')')
	for i, t := range results {
		b.WriteString([]string{" ", ", "}[min(i, 1)] + t.String())
	}
	return b.String()
}
