package guest

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/abi"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// The raw layer of the Go SDK imports every function with the type that the host gives it: a guest that uses all of them
// is accepted, and imports all of them.
func TestRawLayerLinks(t *testing.T) {
	if Race {
		t.Skip("compiling takes too long with the race detector, and the test is about the guest")
	}
	source := "package main\n\nimport \"unsafe\"\n\n"
	for _, name := range []string{"raw_gen.go", "wasm_gen.go"} {
		b, err := os.ReadFile("../../sdk/go/internal/raw/" + name)
		if err != nil {
			t.Fatal(err)
		}
		_, text, ok := strings.Cut(string(b), "package raw\n")
		if !ok {
			t.Fatalf("%s is no file of package raw", name)
		}
		source += strings.Replace(text, "import \"unsafe\"", "", 1)
	}
	source += "\nvar all = []any{"
	for _, m := range regexp.MustCompile(`(?m)^func ([A-Z]\w*)\(`).FindAllStringSubmatch(source, -1) {
		source += m[1] + ", "
	}
	source += "}\n\n//go:wasmexport on_request\nfunc onRequest() int32 { return int32(len(all)) }\n\nfunc main() {}\n"
	i, err := newHost(t, Options{}).Inspect(context.Background(), Go(t, source))
	if err != nil {
		t.Fatal(err)
	}
	imported := strings.Join(i.Imports, " ") + " "
	for _, f := range abi.Funcs {
		if !strings.Contains(imported, abi.Module+"."+f.Name+" ") {
			t.Errorf("%s is not imported", f.Name)
		}
	}
}
