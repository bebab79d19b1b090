package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// plain is a guest on wazero as it is, with or without wazero's own way to stop it.
type plain struct {
	ctx     context.Context
	cancel  func() // nil unless there is a deadline; called by nobody: the guest lives as long as the process
	answers answers
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	module  api.Module
}

func newPlain(p program, closeOnContext bool) (*plain, error) {
	dir, err := cacheDir(fmt.Sprintf("plain-%t", closeOnContext))
	if err != nil {
		return nil, err
	}
	r := &plain{ctx: context.Background()}
	if r.cache, err = wazero.NewCompilationCacheWithDir(dir); err != nil {
		return nil, err
	}
	if closeOnContext {
		// One context with a deadline serves all calls. A host would make one for each.
		r.ctx, r.cancel = context.WithTimeout(r.ctx, time.Hour)
	}
	r.runtime = wazero.NewRuntimeWithConfig(r.ctx, wazero.NewRuntimeConfigCompiler().
		WithCompilationCache(r.cache).WithCloseOnContextDone(closeOnContext).WithDebugInfoEnabled(false).
		WithCoreFeatures(api.CoreFeaturesV2|experimental.CoreFeaturesTailCall|experimental.CoreFeaturesExtendedConst))
	compiled, err := r.runtime.CompileModule(r.ctx, p.module)
	if err != nil {
		return nil, err
	}
	if _, err := wasi_snapshot_preview1.Instantiate(r.ctx, r.runtime); err != nil {
		return nil, err
	}
	if err := linkAnswers(r.ctx, r.runtime, compiled, &r.answers); err != nil {
		return nil, err
	}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	if p.initial != "" {
		config = config.WithStartFunctions(p.initial)
	}
	r.module, err = r.runtime.InstantiateModule(r.ctx, compiled, config)
	return r, err
}

// caller returns what calls a job on the one instance.
func (r *plain) caller(j job, once bool) (do func() error, before func(), err error) {
	f := r.module.ExportedFunction(j.export)
	if f == nil {
		return nil, nil, fmt.Errorf("no export %s", j.export)
	}
	if once {
		before = restorer(func() []byte {
			b, _ := r.module.Memory().Read(0, r.module.Memory().Size())
			return b
		})
	}
	stack := make([]uint64, 4)
	return func() error {
		copy(stack, j.args)
		return f.CallWithStack(r.ctx, stack)
	}, before, nil
}

// restorer returns what puts a memory back to what it is now.
func restorer(memory func() []byte) func() {
	first := bytes.Clone(memory())
	return func() {
		clear(memory()[copy(memory(), first):])
	}
}
