package meter

import (
	"errors"
	"fmt"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Refused says that a module, though perhaps valid, cannot be metered or bounded.
type Refused struct {
	Offset int    // of the offending byte in the module
	Reason string // what stands there
	Hint   string // what its author can do
}

func (r *Refused) Error() string {
	return fmt.Sprintf("meter: offset 0x%x: %s; %s", r.Offset, r.Reason, r.Hint)
}

func refuse(offset int, hint, format string, args ...any) error {
	return &Refused{Offset: offset, Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// Hints that several refusals share.
const (
	hintFeature = "compile without this proposal (see the list of supported features)"
	hintThreads = "compile without threads: no atomics, no shared memory"
	hintExcept  = "compile without WebAssembly exceptions"
	hintRename  = "rename it: names that begin with wedge_meter belong to the host"
)

// asRefused turns what the reader does not know into a refusal, and leaves malformed modules as they are.
func asRefused(err error) error {
	var e *wasm.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Unsupported {
		return &Refused{Offset: e.Offset, Reason: e.Problem, Hint: hintFeature}
	}
	return fmt.Errorf("meter: %w", err)
}

// malformed is a module that no validator would let pass.
func malformed(offset int, format string, args ...any) error {
	return fmt.Errorf("meter: %w", &wasm.Error{Offset: offset, Problem: fmt.Sprintf(format, args...)})
}
