package conform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// An sdk is a folder of filters in AssemblyScript with the compiler that they need.
type sdk struct {
	folder string
	asc    string // the compiler
	flags  []string
	out    string // the flag of the output
}

var (
	gcore = sdk{"gcore", "node_modules/assemblyscript/bin/asc.js", []string{"--config", "node_modules/@assemblyscript/wasi-shim/asconfig.json"}, "-o"}
	solo  = sdk{"solo", "node_modules/assemblyscript/bin/asc", nil, "-b"}
)

// build compiles a filter, or skips the test where the compiler is missing.
func (s sdk) build(t *testing.T, name string) []byte {
	t.Helper()
	dir := filepath.Join("testdata", s.folder)
	node, err := exec.LookPath("node")
	if _, missing := os.Stat(filepath.Join(dir, s.asc)); err != nil || missing != nil {
		t.Skipf("no node, or no compiler in %s: run .ci/tools", dir)
	}
	file := filepath.Join(t.TempDir(), "filter.wasm")
	args := append([]string{s.asc, name + ".ts", "--optimize", "--use", "abort=abort_proc_exit", s.out, file}, s.flags...)
	cmd := exec.Command(node, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Filters on SDKs that nobody here wrote, in both: what the client and the origin see of them.
func TestForeignFilters(t *testing.T) {
	if enginetest.Race {
		t.Skip("compiling takes too long with the race detector, and the test is about the guests")
	}
	f := func(s sdk, name string, cases ...testCase) {
		t.Run(s.folder+"/"+name, func(t *testing.T) {
			module, n := s.build(t, name), newNode(t)
			for _, c := range cases {
				// Solo's runtime reads a configuration even where there is none.
				c.config = map[string]string{"plugin_config": "open sesame", "plugin_root_id": name}
				n.check(t, module, c)
			}
		})
	}
	for _, s := range []sdk{gcore, solo} {
		warned := "@log warn: no key for /a"
		if s.folder == gcore.folder {
			warned = "@log info: [WARN]: no key for /a" // its log is its standard output
		}
		f(s, "guard",
			testCase{name: "with the key", request: "GET /a\nX-Key: open sesame\nX-Visitor: ann", origin: []string{"GET shop.example /a", "x-group: a", "!x-key: open sesame"}, client: []string{"200", "x-group: a", "server: guarded", "given"}},
			testCase{name: "without the key", request: "GET /a", client: []string{"401", "www-authenticate: Key", "cache-control: no-store", "show a key", warned}},
			testCase{name: "that breaks", request: "GET /a\nX-Break: 1", fails: "unreachable"})
		f(s, "callout",
			testCase{name: "answered", request: "GET /\nAuthorization: tok", origin: []string{"@fetch POST shop/check tok", "@add asked 1", "x-answer: POST shop/check tok", "!authorization: tok"}, client: []string{"200", "x-last: POST shop/check tok"}})
	}
	f(gcore, "body",
		testCase{name: "capitals", request: "POST /\n\nhe|llo", origin: []string{"HELLO", "x-written: in capitals"}, client: []string{"given", "!-- the end"}},
		testCase{name: "a line under a short text", response: "200\nContent-Length: 5\nContent-Type: text/plain\nETag: v\n\ngi|ven", client: []string{"given", "-- the end", "Length: 16", "!etag: v"}},
		testCase{name: "a line under a flowing text", response: "200\nContent-Type: text/plain\n\none|two", client: []string{"onetwo", "-- the end"}},
		testCase{name: "no text", response: "200\nContent-Type: image/png\nETag: v\n\none|two", client: []string{"onetwo", "!-- the end", "etag: v"}})
	f(solo, "body",
		testCase{name: "a sum", request: "POST /\n\nhe|llo", origin: []string{"x-sum: 127791473", "hello"}, client: []string{"x-weighed: yes", "given", "@log info: the response weighs 5"}},
		testCase{name: "too long", request: "POST /\n\n" + strings.Repeat("a", 101), client: []string{"413", "too long"}})
}
