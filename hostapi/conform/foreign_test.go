package conform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// An sdk is a folder of filters or programs in AssemblyScript with the compiler that they need.
type sdk struct {
	folder string
	asc    string // the compiler
	flags  []string
	out    string // the flag of the output
}

var (
	gcore = sdk{"gcore", "node_modules/assemblyscript/bin/asc.js", []string{"--optimize", "--use", "abort=abort_proc_exit", "--config", "node_modules/@assemblyscript/wasi-shim/asconfig.json"}, "-o"}
	solo  = sdk{"solo", "node_modules/assemblyscript/bin/asc", []string{"--optimize", "--use", "abort=abort_proc_exit"}, "-b"}
	// Its programs are ten times as large, and to optimise them takes ten seconds.
	asCompute = sdk{"compute", "node_modules/assemblyscript/bin/asc", nil, "-b"}
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
	args := append([]string{s.asc, name + ".ts", s.out, file}, s.flags...)
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

// Programs on an SDK for Fastly Compute that nobody here wrote: what the client and the backends see of them.
func TestForeignPrograms(t *testing.T) {
	if enginetest.Race {
		t.Skip("compiling takes too long with the race detector, and the test is about the guests")
	}
	c := newCity(t)
	f := func(name string, cases ...computeCase) {
		t.Run(name, func(t *testing.T) {
			module := asCompute.build(t, name)
			for _, k := range cases {
				k.config = map[string]string{"settings.key": "open sesame"}
				for _, wrong := range c.run(t, module, k) {
					t.Error(wrong)
				}
			}
		})
	}
	f("gateway",
		computeCase{name: "without the key", request: "GET /a", sees: []string{"401", "www-authenticate: Key", "show a key", "@log info: no key for /a", "!@field x-from: the gateway"}},
		computeCase{name: "with the key", request: "GET /a?b=c\nX-Key: open sesame\nX-Visitor: ann", sees: []string{"203", "x-group: a", "x-answer: one, two", "<!-- a -->from /a?b=c",
			`@fetch GET shop /a?b=c "" whole`, "@field x-group: a", "@field x-from: the gateway", "@field host: shop.example", "!@field x-key: open sesame", "@cache ttl 1m0s grace 10s tags []"}},
		computeCase{name: "two at once", request: "GET /both\nX-Key: open sesame", sees: []string{"200", "x-parts: 2", "from /bottom", "from /top", `@fetch GET shop /top "" whole`, `@fetch GET shop /bottom "" whole`}})
	f("notes",
		computeCase{name: "a text", request: "POST /\n\none\nt|wo", sees: []string{"200", "Length: -1", "content-type: text/plain", "x-client: 192.0.2.1", "begin", "1: ONE", "2: TWO", "end of 7"}},
		computeCase{name: "numbers", request: "POST /sum\n\n1 2 | 0 39", sees: []string{"422", "42, 1 that are none"}},
		computeCase{name: "a long text", request: "POST /\n\n" + strings.Repeat("a", 2007), sees: []string{"413", "too long by 7"}},
		computeCase{name: "no text", request: "GET /x", sees: []string{"405", "GET is not for /x"}})
	well := computeCase{name: "and all is well", request: "GET /", sees: []string{"200", "well"}}
	f("careless", well,
		computeCase{name: "it throws", request: "GET /throw", fails: "exit", sees: []string{"@log warn: abort: this was thrown in careless.ts(52:5)"}}, well,
		computeCase{name: "it traps", request: "GET /trap", fails: "unreachable"}, well,
		computeCase{name: "it reads beyond an end", request: "GET /shelf", fails: "exit"}, well,
		computeCase{name: "its stack is full", request: "GET /stack", fails: "stack"}, well,
		computeCase{name: "its memory is full", request: "GET /memory", fails: "unreachable"}, well,
		computeCase{name: "it takes too long", request: "GET /spin", fails: "cpu"}, well,
		computeCase{name: "no such backend", request: "GET /nobody", fails: "exit"}, well,
		computeCase{name: "no answer from the backend", request: "GET /refused", fails: "exit", sees: []string{`@fetch GET shop /refused "" whole`}}, well,
		computeCase{name: "it says nothing", request: "GET /silent", fails: "no response"}, well,
		computeCase{name: "it traps in the middle", request: "GET /middle", fails: "unreachable", sees: []string{"200", "the first half<broken>"}}, well)
}
