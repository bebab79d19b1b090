package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/meter"
)

// Options configure an Engine. The zero value is an engine without host functions and without a disk, for tests.
type Options struct {
	// Host are the functions that guests may import: all of all ABIs.
	Host []hostcall.Func

	// CacheDir is the folder for compiled code. It must be writable by the node alone: what lies there is executed. Empty
	// means that nothing is kept.
	CacheDir string

	// CacheBytes is how much CacheDir may hold; beyond that, code that was not used for longest and is not loaded is deleted.
	// Default 1 GiB.
	CacheBytes int64

	// Compiler compiles the metered module in the file wasmPath, in another process, into the empty folder cacheDir; see
	// ChildCompiler. It needs CacheDir. Nil compiles in this process, without limits, which only tests should do.
	Compiler func(ctx context.Context, wasmPath, cacheDir string) error

	// CompileTime bounds one call of Compiler. Default 4 minutes: how much work a module may be is bounded by the compiling
	// process itself, see childSeconds, and on a busy machine that work, which is done at a low priority, takes its time.
	CompileTime time.Duration

	// MaxBytes is the longest module. Default 32 MiB.
	MaxBytes int

	// Caps are static limits on a module. Their zero fields are defaults.
	Caps meter.Caps

	// Interpreter runs guests without compiling them: some 10 times slower, for comparison in tests.
	Interpreter bool
}

func (o *Options) setDefaults() {
	if o.CompileTime == 0 {
		o.CompileTime = 4 * time.Minute
	}
	if o.Interpreter {
		o.Compiler = nil
	} else if o.Compiler == nil && o.CacheDir != "" {
		o.Compiler = func(_ context.Context, wasmPath, cacheDir string) error { return compileInto(wasmPath, cacheDir) }
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 1 << 30
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 32 << 20
	}
}

// validate names everything that is wrong.
func (o *Options) validate() error {
	var errs []error
	if o.Compiler != nil && o.CacheDir == "" {
		errs = append(errs, errors.New("engine: a compiler needs a cache folder to compile into"))
	}
	seen := map[[2]string]bool{{meter.TickModule, meter.TickName}: true}
	for i := range o.Host {
		f := &o.Host[i]
		key := [2]string{f.Module, f.Name}
		if seen[key] {
			errs = append(errs, fmt.Errorf("engine: host function %s.%s exists twice", f.Module, f.Name))
		}
		seen[key] = true
		if f.Body == nil {
			errs = append(errs, fmt.Errorf("engine: host function %s.%s has no body", f.Module, f.Name))
		}
	}
	return errors.Join(errs...)
}

// features is what guests may use. Threads and exceptions are left out: an atomic wait outlasts every deadline, and an
// exception handler copies the call stack.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// runtimeConfig is the same for the node and the compiling child: a difference would be a cache that never hits. Debug
// information is read by it, so it is not for a module whose debug information is a stranger's.
func runtimeConfig(interpreter bool) wazero.RuntimeConfig {
	c := wazero.NewRuntimeConfig()
	if interpreter {
		c = wazero.NewRuntimeConfigInterpreter()
	}
	return c.WithCoreFeatures(features).WithDebugInfoEnabled(true)
}
