package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/tetratelabs/wazero"
)

// Exit codes of CompileChild. Any other end of the child is one by a limit, or by a crash.
const (
	childDone   = 0
	childFailed = 3
	childUsage  = 4
)

// ChildCompiler returns an Options.Compiler that starts argv, with the path of the module and of the folder behind it.
// That command calls CompileChild. It gets no environment: secrets stay here.
func ChildCompiler(argv ...string) func(ctx context.Context, wasmPath, cacheDir string) error {
	return func(ctx context.Context, wasmPath, cacheDir string) error {
		args := append(append([]string{}, argv[1:]...), wasmPath, cacheDir)
		cmd := exec.CommandContext(ctx, argv[0], args...)
		cmd.Env = []string{"GOMAXPROCS=1"}
		cmd.Dir = cacheDir
		var stderr tail
		cmd.Stderr = &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &exit):
			return fmt.Errorf("engine: start the compiling process: %w", err)
		case exit.ExitCode() == childFailed:
			return &Refused{Kind: Internal, Reason: "the compiler failed: " + stderr.line(), Hint: "report the module to the makers of this node"}
		case exit.ExitCode() == childUsage:
			return fmt.Errorf("engine: the compiling process: %s", stderr.line())
		}
		return &Refused{Kind: TooComplex, Reason: fmt.Sprintf("compiling it took too much time or memory (%s)", exit.ProcessState), Hint: hintComplex, Err: err}
	}
}

// CompileChild is the body of the command that ChildCompiler starts: it takes limits upon this process, compiles the
// module at args[0] into the folder args[1], and returns the exit code. The process should do nothing else.
func CompileChild(args []string, stderr io.Writer) (code int) {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "compile: want the path of a metered module and of an empty folder")
		return childUsage
	}
	if err := Confine(childSeconds, childMemory); err != nil {
		fmt.Fprintf(stderr, "compile: limit this process: %v\n", err)
		return childUsage
	}
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintf(stderr, "panic: %v\n", v)
			code = childFailed
		}
	}()
	if err := compileInto(args[0], args[1]); err != nil {
		fmt.Fprintln(stderr, firstLine(err))
		return childFailed
	}
	return childDone
}

func compileInto(path, dir string) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, runtimeConfig(false).WithCompilationCache(cache))
	_, err = rt.CompileModule(ctx, module)
	return errors.Join(err, rt.Close(ctx), cache.Close(ctx))
}

// Limits of a compiling process. A 3.4 MB Go module takes about 2 s and 200 MB. The seconds are of processor time: Options.CompileTime
// ends a process that gets none.
const (
	childSeconds = 30
	childMemory  = 2 << 30 // address space beside what a fresh process has
	childNice    = 10
)

// tail keeps the end of what a process wrote.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.b = append(t.b, p...)
	if n := len(t.b); n > most {
		t.b = append(t.b[:0], t.b[n-most:]...)
	}
	return len(p), nil
}

// line returns the last line.
func (t *tail) line() string {
	s := strings.TrimSpace(string(t.b))
	return s[strings.LastIndexByte(s, '\n')+1:]
}
