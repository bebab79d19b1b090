package engine

import (
	"errors"
	"fmt"

	"github.com/wedgecdn/wedge/runtime/meter"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Kind says why a module was refused. Its text stands in answers of the admin API and does not change.
type Kind string

const (
	NotWasm    Kind = "not_wasm"       // the bytes are something else
	Component  Kind = "component"      // WebAssembly, but a component and not a core module
	TooLarge   Kind = "too_large"      // longer than Options.MaxBytes
	Invalid    Kind = "invalid"        // not valid WebAssembly
	Unmetered  Kind = "unmetered"      // valid perhaps, but cannot be metered or bounded
	BadImport  Kind = "bad_import"     // imports what the host does not have
	TooComplex Kind = "too_complex"    // compiling it took more than it may
	Internal   Kind = "compiler_error" // the compiler failed on a valid module
)

// Refused says that a module cannot run on this node, why, and what its author can do.
type Refused struct {
	Kind   Kind
	Offset int // of the offending byte, 0 if there is no such place
	Reason string
	Hint   string
	Err    error // the cause, or nil
}

// Error returns the place and the reason, without the hint.
func (r *Refused) Error() string {
	if r.Offset > 0 {
		return fmt.Sprintf("module refused at offset 0x%x: %s", r.Offset, r.Reason)
	}
	return "module refused: " + r.Reason
}

// Unwrap returns the cause.
func (r *Refused) Unwrap() error { return r.Err }

const hintBuild = "wedge function build makes a core module; by hand, for Go: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o function.wasm"

// refused makes what the rewriter says into what the author reads.
func refused(err error) error {
	var r *meter.Refused
	if errors.As(err, &r) {
		return &Refused{Kind: Unmetered, Offset: r.Offset, Reason: r.Reason, Hint: r.Hint, Err: err}
	}
	var w *wasm.Error
	if errors.As(err, &w) {
		return &Refused{Kind: Invalid, Offset: w.Offset, Reason: w.Problem, Hint: "the file is damaged or incomplete: build and upload it again", Err: err}
	}
	return fmt.Errorf("engine: meter the module: %w", err)
}

// preamble looks at the first bytes.
func preamble(b []byte, most int) error {
	const (
		magic     = "\x00asm"
		core      = magic + "\x01\x00\x00\x00"
		component = magic + "\x0d\x00\x01\x00"
	)
	head := string(b[:min(len(b), 8)])
	switch {
	case len(b) > most:
		return &Refused{Kind: TooLarge, Reason: fmt.Sprintf("it has %d bytes, at most %d are allowed", len(b), most),
			Hint: "strip debug information (for Go: -ldflags=-s -w; otherwise: wasm-strip), or have the operator raise the limit"}
	case len(b) == 0:
		return &Refused{Kind: NotWasm, Reason: "it is empty", Hint: hintBuild}
	case head == core:
		return nil
	case head == component:
		return &Refused{Kind: Component, Reason: "it is a component, and this node runs core modules", Hint: hintBuild}
	case len(head) == 8 && head[:4] == magic:
		return &Refused{Kind: NotWasm, Reason: fmt.Sprintf("it is WebAssembly of the unknown version % x", head[4:]), Hint: hintBuild}
	}
	return &Refused{Kind: NotWasm, Reason: "it is not WebAssembly: it " + looksLike(head), Hint: hintBuild}
}

// looksLike names what people upload by mistake.
func looksLike(head string) string {
	has := func(prefix string) bool { return len(head) >= len(prefix) && head[:len(prefix)] == prefix }
	switch {
	case has("\x00asm"):
		return "ends after the first bytes"
	case has("\x1f\x8b"):
		return "is compressed with gzip"
	case has("\x28\xb5\x2f\xfd"):
		return "is compressed with zstd"
	case has("\x7fELF"), has("MZ"), has("\xcf\xfa\xed\xfe"):
		return "is a native executable"
	case has("!<arch>"):
		return "is a native archive"
	case has("PK\x03\x04"):
		return "is a zip archive"
	case has("(module"):
		return "is WebAssembly's text format"
	}
	return fmt.Sprintf("begins with %q", head)
}
