package meter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// script is a file of the WebAssembly core test suite, as the engine brings it along.
type script struct {
	Commands []command
}

type command struct {
	Type, Name, Filename, As string
	ModuleType               string `json:"module_type"`
	Line                     int
	Action                   struct {
		Type, Field, Module string
		Args                []value
	}
}

type value struct {
	Type  string
	Lane  string `json:"lane_type"`
	Value any
}

// words are a value as the engine takes it.
func (v value) words() []uint64 {
	number := func(s string, bits int) uint64 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return uint64(n) & (1<<bits - 1 | -(uint64(bits) >> 6))
		}
		n, _ := strconv.ParseUint(s, 10, 64)
		return n
	}
	if lanes, ok := v.Value.([]any); ok {
		bits, _ := strconv.Atoi(v.Lane[1:])
		var w [2]uint64
		for i, l := range lanes {
			w[i*bits/64] |= number(l.(string), bits) << (i * bits % 64)
		}
		return w[:]
	}
	s, ok := v.Value.(string)
	if !ok || s == "null" {
		return []uint64{0}
	}
	switch v.Type {
	case "externref":
		return []uint64{number(s, 64) + 1} // zero is the null reference
	case "i32", "f32":
		return []uint64{number(s, 32)}
	}
	return []uint64{number(s, 64)}
}

// suites are the folders of the suite, with the features that each of them is run with by the engine itself.
var suites = map[string]api.CoreFeatures{
	"v1":                        api.CoreFeaturesV1,
	"v2":                        api.CoreFeaturesV2,
	"threads":                   api.CoreFeaturesV2 | experimental.CoreFeaturesThreads,
	"tail-call":                 api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall,
	"extended-const":            api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst,
	"typed-function-references": api.CoreFeaturesV2 | experimental.CoreFeaturesTypedFunctionReferences | experimental.CoreFeaturesTailCall,
	"exception-handling": api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling | experimental.CoreFeaturesTailCall |
		experimental.CoreFeaturesTypedFunctionReferences,
}

// kind is what a world makes of a module.
type kind string

const (
	plain   kind = "plain"
	metered kind = "metered"
	exact   kind = "exact" // metered, and nothing is paid for that is not sure to run
	stupid  kind = "naive" // each instruction is paid for
)

// world is one way of running a script.
type world struct {
	*machine
	kind    kind
	name    string
	slow    bool // interpreted
	modules map[string]api.Module
	last    api.Module
	all     []api.MutableGlobal
	stacks  map[api.MutableGlobal]uint64 // what is left of them at the start
	ticks   int
	from    map[api.Module]uint32 // Module.NotedFrom
}

func newWorld(t *testing.T, k kind, interpreter bool, slice int64, f api.CoreFeatures, spectest []byte) *world {
	name := fmt.Sprintf("%s, compiled, slice %d", k, slice)
	if interpreter {
		name = strings.Replace(name, "compiled", "interpreted", 1)
	}
	w := &world{machine: newMachine(t, interpreter, f), kind: k, name: name, slow: interpreter, modules: map[string]api.Module{}, stacks: map[api.MutableGlobal]uint64{}, from: map[api.Module]uint32{}}
	w.host.slice = slice
	if _, err := w.r.InstantiateWithConfig(context.Background(), spectest, wazero.NewModuleConfig()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) reset() {
	w.ticks += w.host.ticks
	w.host.granted, w.host.ticks = 0, 0
	for _, g := range w.all {
		g.Set(0)
	}
	for g, full := range w.stacks {
		g.Set(full)
	}
}

func (w *world) used() int64 {
	n := w.host.granted
	for _, g := range w.all {
		n -= int64(g.Get())
	}
	return n
}

// load makes an instance.
func (w *world) load(wasm []byte, name string) error {
	w.reset()
	m, err := w.r.InstantiateWithConfig(context.Background(), wasm, wazero.NewModuleConfig().WithName(name))
	if err != nil {
		return err
	}
	w.last = m
	w.from[m] = notedFrom(w.t, wasm)
	if g, ok := m.ExportedGlobal(FuelGlobal).(api.MutableGlobal); ok {
		w.all = append(w.all, g)
	}
	if g, ok := m.ExportedGlobal(StackGlobal).(api.MutableGlobal); ok {
		w.stacks[g] = g.Get()
	}
	return nil
}

// do runs an action, and says what came of it in comparable form.
func (w *world) do(c *command) (outcome string, trapped bool) {
	m := w.last
	if c.Action.Module != "" {
		m = w.modules[c.Action.Module]
	}
	if c.Action.Type == "get" {
		return fmt.Sprint(m.ExportedGlobal(c.Action.Field).Get()), false
	}
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, a.words()...)
	}
	w.reset()
	f := m.ExportedFunction(c.Action.Field)
	notes, _ := m.ExportedGlobal(WrittenGlobal).(api.MutableGlobal)
	var before []byte
	if notes != nil && len(w.modules) == 0 { // else others may write to its memory
		notes.Set(0)
		before = bytes.Clone(memory(m))
	}
	results, err := f.Call(context.Background(), args...)
	if before != nil {
		w.checkNotes(w.name+", "+c.Action.Field, before, memory(m), notes.Get(), w.from[m])
	}
	if err != nil {
		return strings.TrimPrefix(firstLine(err), "wasm error: "), true // which the engines do not agree on
	}
	var b strings.Builder
	k := 0
	for _, t := range f.Definition().ResultTypes() {
		switch t {
		case api.ValueTypeI32, api.ValueTypeF32: // the upper half is anything
			fmt.Fprintf(&b, "%x ", uint32(results[k]))
		case api.ValueTypeI64, api.ValueTypeF64, api.ValueTypeExternref:
			fmt.Fprintf(&b, "%x ", results[k])
		case 0x7b:
			fmt.Fprintf(&b, "%x:%x ", results[k], results[k+1])
			k++
		default: // other references are addresses
			fmt.Fprintf(&b, "%v ", results[k] != 0)
		}
		k++
	}
	return b.String(), false
}

// memory is what the instance has in its memory, or the first MiB of it.
func memory(m api.Module) []byte {
	mem := m.Memory()
	if mem == nil || reflect.ValueOf(mem).IsNil() {
		return nil
	}
	b, _ := mem.Read(0, min(mem.Size(), 1<<20))
	return b
}

var (
	functionIndex = regexp.MustCompile(`\[\d+\]`)
	whole         = flag.Bool("whole", os.Getenv("WEDGE_PROOF") != "", "run all of the core test suite, not only the scripts about control and bulk operations")
)

// core says whether a script is about what the rewriter changes.
func core(name string) bool {
	if strings.HasPrefix(name, "v1/") {
		return false // all of it is in v2 again
	}
	for _, part := range []string{"simd", "float", "f32", "f64", "conversions", "int_", "const", "names", "binary", "utf8", "align", "address", "endianness",
		"skip-stack", "references/testdata/br_table", "fac"} {
		if strings.Contains(name, part) {
			return false
		}
	}
	return true
}

// tally counts what happened, over all scripts.
//
// mu guards counts.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) add(what string, n int) {
	t.mu.Lock()
	t.counts[what] += n
	t.mu.Unlock()
}

// TestCore runs each command of the core test suite on the original modules and on metered ones, on both engines and with
// several slices: outcomes, traps and memories are equal, and fuel is equal whatever engine and slice. Of calls that
// return, fuel is exactly what their instructions cost, but for what is paid for in advance, which is never less.
//
// Modules that are refused run as they are, so that nothing that comes after them is left out; their commands are counted by reason.
func TestCore(t *testing.T) {
	dir, err := engineDir()
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "internal", "integration_test", "spectest")
	spectest, err := os.ReadFile(filepath.Join(base, "testdata", "spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(base, "*", "testdata", "*.json"))
	n := &tally{counts: map[string]int{}}
	t.Run("scripts", func(t *testing.T) {
		for _, file := range files {
			name := strings.TrimPrefix(filepath.ToSlash(strings.TrimSuffix(file, ".json")), filepath.ToSlash(base)+"/")
			if !*whole && (testing.Short() || racing || !core(name)) {
				continue
			}
			suite, _, _ := strings.Cut(name, "/")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				(&play{T: t, file: file, features: suites[suite], spectest: spectest, tally: n}).run()
			})
		}
	})
	for what, k := range maps.All(n.counts) {
		t.Logf("%7d %s", k, what)
	}
	if testing.Short() || racing {
		return
	}
	want := coreSlice
	if *whole {
		want = coreWhole
		for what := range n.counts {
			if _, is := want[what]; !is && !strings.HasPrefix(what, "assert_") {
				delete(n.counts, what)
			}
		}
	}
	if d := cmp.Diff(want, n.counts); d != "" {
		t.Errorf("the suite is not what it was (-want +got):\n%s", d)
	}
}

// play is one script in its worlds.
type play struct {
	*testing.T
	*tally
	file     string
	features api.CoreFeatures
	spectest []byte
	worlds   []*world // the first is the plain one of the compiler
	reason   string   // why the module that is there was refused, or empty
	refused  map[string]string
}

func (p *play) run() {
	b, err := os.ReadFile(p.file)
	if err != nil {
		p.Fatal(err)
	}
	var s script
	if err := json.Unmarshal(b, &s); err != nil {
		p.Fatal(err)
	}
	p.refused = map[string]string{}
	p.add("scripts", 1)
	add := func(k kind, interpreter bool, slice int64) {
		p.worlds = append(p.worlds, newWorld(p.T, k, interpreter, slice, p.features, p.spectest))
	}
	add(plain, false, 0)
	add(plain, true, 0)
	add(metered, false, 100_000)
	add(metered, false, 64)
	add(metered, true, 1000)
	if *whole {
		add(metered, false, 1000)
		add(metered, true, 100_000)
		add(metered, true, 64)
	}
	add(exact, false, 100_000)
	add(stupid, false, 100_000)
	for i := range s.Commands {
		c := &s.Commands[i]
		p.add(c.Type, 1)
		as := ""
		if i+1 < len(s.Commands) && s.Commands[i+1].Type == "register" {
			as = s.Commands[i+1].As
		}
		p.command(c, as)
	}
	for _, w := range p.worlds {
		w.reset()
		if w.kind == metered {
			p.add("ticks, "+w.name, w.ticks)
		}
	}
}

func (p *play) module(c *command) []byte {
	b, err := os.ReadFile(filepath.Join(filepath.Dir(p.file), c.Filename))
	if err != nil {
		p.Fatal(err)
	}
	return b
}

// forms are the module for each kind of world, if the original is valid; a refused one is left as it is.
func (p *play) forms(b []byte) (map[kind][]byte, error) {
	if err := p.valid(b); err != nil {
		return nil, err
	}
	m, err := Rewrite(b, wide)
	var no *Refused
	if errors.As(err, &no) {
		p.reason = reason(no)
		p.add("modules refused", 1)
		return map[kind][]byte{plain: b, metered: b, exact: b, stupid: b}, nil
	}
	if err != nil {
		p.Fatalf("valid, but %v", err)
	}
	p.reason = ""
	p.add("modules rewritten", 1)
	return map[kind][]byte{plain: b, metered: m.Wasm, exact: exactly(p.T, b), stupid: naive(p.T, b)}, nil
}

func (p *play) valid(b []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the validator panicked: %v", v)
		}
	}()
	r := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(p.features))
	defer r.Close(context.Background())
	_, err = r.CompileModule(context.Background(), b)
	return err
}

func (p *play) command(c *command, as string) {
	where := fmt.Sprintf("line %d %s %s", c.Line, c.Type, c.Action.Field)
	switch c.Type {
	case "register": // with the module
	case "module":
		forms, err := p.forms(p.module(c))
		if err != nil {
			p.Fatalf("%s: %v", where, err)
		}
		for _, w := range p.worlds {
			if err := w.load(forms[w.kind], as); err != nil {
				p.Fatalf("%s: %s: %v", where, w.name, err)
			}
			w.modules[c.Name] = w.last
		}
		p.refused[c.Name] = p.reason
	case "assert_invalid", "assert_malformed":
		if c.ModuleType == "text" {
			p.add("text, left out", 1)
			return
		}
		reason := p.reason
		forms, err := p.forms(p.module(c))
		p.reason = reason
		if err != nil {
			return
		}
		for _, w := range p.worlds { // what the engine sees only when it makes an instance
			if w.load(forms[w.kind], "") == nil {
				p.Errorf("%s: %s: it counts as valid", where, w.name)
			}
		}
	case "assert_uninstantiable", "assert_unlinkable":
		reason := p.reason
		forms, err := p.forms(p.module(c))
		p.reason = reason
		if err != nil {
			return // it is not valid
		}
		want := ""
		for i, w := range p.worlds {
			last := w.last
			got := functionIndex.ReplaceAllString(firstLine(w.load(forms[w.kind], "")), "[]") // the message names the index, which has moved
			w.last = last
			if i == 0 {
				want = got
			} else if got != want {
				p.Errorf("%s: %s: %s, want %s", where, w.name, got, want)
			}
		}
	case "assert_return", "assert_trap", "assert_exhaustion", "assert_exception", "action":
		p.action(c, where)
	default:
		p.Errorf("%s: unknown", where)
	}
}

func (p *play) plain(slow bool) *world {
	if slow {
		return p.worlds[1]
	}
	return p.worlds[0]
}

func (p *play) action(c *command, where string) {
	reason := p.reason
	if c.Action.Module != "" {
		reason = p.refused[c.Action.Module]
	}
	if reason != "" {
		p.add("commands of a refused module: "+reason, 1)
	}
	want := map[bool]string{} // by engine: they do not agree on the bits of NaNs
	fuel := map[kind]int64{}
	for i, w := range p.worlds {
		got, trapped := w.do(c)
		if i == 0 {
			if trapped {
				p.add("traps", 1)
			}
			if trapped != (c.Type != "assert_return" && c.Type != "action") {
				p.Errorf("%s: %s", where, got)
			}
		}
		if w.kind == plain {
			want[w.slow] = got
			continue
		}
		if c.Type == "assert_exhaustion" && w.kind == metered {
			got = strings.Replace(got, "stack is spent (recovered by wazero)", "stack overflow", 1)
		}
		if got != want[w.slow] {
			p.Errorf("%s: %s: %s, want %s", where, w.name, got, want[w.slow])
		}
		if !bytes.Equal(memory(p.plain(w.slow).last), memory(w.last)) {
			p.Errorf("%s: %s: memory differs", where, w.name)
		}
		used := w.used()
		first, seen := fuel[w.kind]
		if !seen {
			fuel[w.kind] = used
		} else if used != first {
			p.Errorf("%s: %s used %d, and %d elsewhere", where, w.name, used, first)
		}
		if c.Type == "assert_exhaustion" {
			continue
		}
		switch w.kind {
		case exact:
			if used > fuel[metered] {
				p.Errorf("%s: used %d, and was charged only %d", where, used, fuel[metered])
			}
		case stupid:
			if used > fuel[exact] || used < fuel[exact] && !trapped {
				p.Errorf("%s: used %d, and was charged %d", where, used, fuel[exact])
			}
		}
	}
}
