package wedge_test

import (
	"fmt"
	"go/parser"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport says which packages of ours each package may import; "x/..." is x and all below it. What is not listed is
// not allowed. A new door is a line here, in alphabetical order, and a reason in the commit. A line may stand before
// its package does, as long as the README of its folder calls the package planned. What is below "internal" belongs
// to its room and has no line of its own.
var mayImport = map[string][]string{
	"edge/admin":                       {},
	"edge/cache":                       {"edge/cache/...", "hostapi/exchange"},
	"edge/cache/disk":                  {"edge/cache/disk/vfs", "hostapi/exchange"},
	"edge/cache/disk/faultfs":          {"edge/cache/disk/vfs"},
	"edge/cache/disk/vfs":              {},
	"edge/cache/fill":                  {"hostapi/exchange"},
	"edge/cache/journal":               {"edge/cache/disk/vfs"},
	"edge/cache/key":                   {"hostapi/exchange"},
	"edge/cache/policy":                {"hostapi/exchange"},
	"edge/cache/store":                 {"hostapi/exchange"},
	"edge/cache/tag":                   {},
	"edge/cmd/wedge":                   {"edge/admin", "edge/config", "edge/demo", "edge/node", "hostapi/cost", "hostapi/journal", "hostapi/replay", "runtime/engine"}, // admin: the JSON of its answers; cost: wedge function fuel, which needs no node; journal, replay: wedge replay, which needs none either; engine: the child process that compiles
	"edge/config":                      {},
	"edge/counter":                     {},
	"edge/demo":                        {"edge/config", "edge/node"},
	"edge/device":                      {},
	"edge/encode":                      {"hostapi/exchange"},
	"edge/front/fronttest":             {"hostapi/exchange"},
	"edge/front/h1":                    {"hostapi/exchange"},
	"edge/function":                    {},
	"edge/hook":                        {"hostapi/exchange"},
	"edge/kv":                          {},
	"edge/node":                        {"edge/...", "hostapi/...", "runtime/..."},
	"edge/observe":                     {"hostapi/exchange"},
	"edge/origin":                      {"hostapi/exchange"},
	"edge/pipeline":                    {"edge/cache", "edge/cache/policy", "edge/encode", "edge/hook", "edge/route", "hostapi/exchange"},
	"edge/place":                       {},
	"edge/route":                       {"hostapi/exchange"},
	"hostapi/abi":                      {"hostapi/exchange"},
	"hostapi/adapter":                  {"hostapi/exchange", "hostapi/services", "runtime/engine", "runtime/hostcall", "runtime/limit", "runtime/sandbox"}, // engine and sandbox: a module's signatures, and the words of isolation
	"hostapi/conform":                  {"hostapi/...", "runtime/..."},
	"hostapi/cost":                     {"hostapi/exchange", "hostapi/guest", "hostapi/services", "runtime/engine", "runtime/limit"},
	"hostapi/exchange":                 {},
	"hostapi/fastly":                   {"hostapi/adapter", "hostapi/exchange", "hostapi/services", "runtime/hostcall", "runtime/limit", "runtime/wasi"},
	"hostapi/guest":                    {"hostapi/adapter", "hostapi/exchange", "hostapi/fastly", "hostapi/httpwasm", "hostapi/native", "hostapi/proxywasm", "hostapi/services", "runtime/engine", "runtime/hostcall", "runtime/limit", "runtime/sandbox", "runtime/wasi"},
	"hostapi/httpwasm":                 {"hostapi/adapter", "hostapi/exchange", "hostapi/message", "hostapi/services", "runtime/hostcall", "runtime/limit", "runtime/wasi"},
	"hostapi/journal":                  {"hostapi/adapter", "hostapi/exchange", "hostapi/services"},
	"hostapi/message":                  {"hostapi/exchange", "hostapi/services"},
	"hostapi/native":                   {"hostapi/abi", "hostapi/adapter", "hostapi/exchange", "hostapi/message", "hostapi/services", "runtime/hostcall", "runtime/limit", "runtime/wasi"},
	"hostapi/proxywasm":                {"hostapi/adapter", "hostapi/exchange", "hostapi/message", "hostapi/services", "runtime/hostcall", "runtime/limit", "runtime/sandbox", "runtime/wasi"}, // sandbox: the words of isolation
	"hostapi/replay":                   {"hostapi/exchange", "hostapi/guest", "hostapi/journal", "hostapi/services", "runtime/engine", "runtime/limit", "runtime/sandbox"},                     // sandbox: the words of isolation
	"hostapi/services":                 {"hostapi/exchange"},
	"runtime/engine":                   {"runtime/hostcall", "runtime/limit", "runtime/meter", "runtime/source", "runtime/wasm"},
	"runtime/engine/enginetest":        {"runtime/wasm"},
	"runtime/engine/enginetest/guests": {},
	"runtime/hostcall":                 {"runtime/limit"},
	"runtime/hostcall/hostcalltest":    {"runtime/hostcall", "runtime/limit"},
	"runtime/limit":                    {},
	"runtime/meter":                    {"runtime/wasm"},
	"runtime/sandbox":                  {"runtime/engine", "runtime/hostcall", "runtime/limit", "runtime/meter"},
	"runtime/source":                   {"runtime/wasm"},
	"runtime/wasi":                     {"runtime/hostcall", "runtime/limit"},
	"runtime/wasm":                     {},
}

// ownedBy gives each large dependency the packages that it may enter, so that replacing it, or working around it,
// concerns nobody else.
var ownedBy = map[string][]string{
	"github.com/alecthomas/kong":           {"edge/cmd/..."},
	"github.com/coocood/freecache":         {"edge/cache/store"},
	"github.com/goccy/go-yaml":             {"edge/config"},
	"github.com/nats-io":                   {"edge/fleet/..."},
	"github.com/oschwald/maxminddb-golang": {"edge/place"},
	"github.com/pelletier/go-toml":         {"edge/cmd/..."}, // fastly.toml
	"github.com/prometheus/client_golang":  {"edge/observe"},
	"github.com/quic-go/quic-go":           {"edge/front/h3"},
	"github.com/tetratelabs/wazero":        {"runtime/engine", "runtime/sandbox"},
	"github.com/valyala/fasthttp":          {"edge/front/h1", "edge/origin"},
	"go.etcd.io/bbolt":                     {"edge/kv"},
	"net/http":                             {"edge/admin", "edge/cmd/...", "edge/demo", "edge/front/fronttest", "edge/observe", "edge/origin"},
}

// stdOnly packages import nothing but the standard library.
var stdOnly = []string{
	"edge/cache/policy", // decisions are pure: headers and the time in, an answer out
	"hostapi/exchange",  // the vocabulary of everything above
}

// room is the package that a package below "internal" is a part of; any other is its own.
func room(pkg string) string {
	outer, _, _ := strings.Cut(pkg, "/internal/")
	return outer
}

// opens says whether a list of packages and trees has pkg in it.
func opens(doors []string, pkg string) bool {
	return slices.ContainsFunc(doors, func(door string) bool {
		root, below := strings.CutSuffix(door, "/...")
		return door == pkg || below && (pkg == root || strings.HasPrefix(pkg, root+"/"))
	})
}

// height is the place of a package's folder, runtime being the lowest; -1 for what is outside the three.
func height(pkg string) int {
	top, _, _ := strings.Cut(pkg, "/")
	return slices.Index(folders, top)
}

// imports lists what a file imports.
func (s source) imports() (paths []string) {
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic("BUG: the parser let a bad import pass: " + err.Error())
		}
		paths = append(paths, p)
	}
	return paths
}

// layers is the rule that no package of the host imports what it has no door to.
func layers(fsys fs.FS) (complaints []string, err error) {
	files, err := sources(fsys, parser.ImportsOnly, folders...)
	if err != nil {
		return nil, err
	}
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	for _, s := range files {
		if s.test {
			continue // a test may use other rooms to try its own
		}
		pkg := room(s.pkg)
		for _, imp := range s.imports() {
			own, ours := strings.CutPrefix(imp, module+"/")
			first, _, _ := strings.Cut(imp, "/")
			switch {
			case ours && height(own) < 0:
				complain("%s: %s must not import %s: the host uses nothing of sdk, examples or benchmarks", s.name, s.pkg, own)
			case ours && height(own) > height(pkg):
				complain("%s: %s must not import %s: edge imports hostapi, hostapi imports runtime, never back", s.name, s.pkg, own)
			case ours && room(own) != pkg && !opens(mayImport[pkg], own):
				complain("%s: %s has no door to %s: let the caller declare an interface and edge/node join the two, or open it in mayImport (layers_test.go) with %q in the line of %q and a reason in the commit",
					s.name, s.pkg, own, own, pkg)
			case !ours && strings.Contains(first, ".") && slices.Contains(stdOnly, pkg):
				complain("%s: %s must not import %s: it is made of the standard library only", s.name, s.pkg, imp)
			}
			for dep, owners := range ownedBy {
				if within(imp, []string{dep}) && !opens(owners, pkg) {
					complain("%s: %s must not import %s: it belongs to %s", s.name, s.pkg, imp, strings.Join(owners, ", "))
				}
			}
		}
	}
	return complaints, nil
}

// doors is the rule that mayImport speaks of packages that are there, or that a README announces.
func doors(fsys fs.FS) (complaints []string, err error) {
	there, err := packages(fsys)
	if err != nil {
		return nil, err
	}
	announced := map[string]bool{}
	for _, folder := range folders {
		entries, err := readmeEntries(fsys, folder)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			announced[e.path] = e.planned
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(mayImport)) {
		if !slices.Contains(there, pkg) && !announced[pkg] {
			complaints = append(complaints, fmt.Sprintf("mayImport (layers_test.go) lists %s, which does not exist", pkg))
		}
	}
	return complaints, nil
}

// outside is the rule for the modules beside the host: a guest pulls in nothing of it.
func outside(fsys fs.FS) (complaints []string, err error) {
	files, err := sources(fsys, parser.ImportsOnly, "sdk", "examples")
	if err != nil {
		return nil, err
	}
	for _, s := range files {
		example := within(s.pkg, []string{"examples"})
		if example && s.test {
			continue // its test may start a node
		}
		for _, imp := range s.imports() {
			own, ours := strings.CutPrefix(imp, module+"/")
			allowed := within(own, []string{"sdk"}) || example && within(own, []string{"examples"})
			if ours && !allowed {
				complaints = append(complaints, fmt.Sprintf("%s must not import %s: guests use nothing of the host", s.name, imp))
			}
		}
	}
	return complaints, nil
}

func TestLayers(t *testing.T)  { holds(t, layers) }
func TestDoors(t *testing.T)   { holds(t, doors) }
func TestOutside(t *testing.T) { holds(t, outside) }

func TestLayersFinds(t *testing.T) {
	f := func(name, imp string, want ...string) {
		t.Helper()
		finds(t, layers, tree(name, "package x\n\nimport _ "+strconv.Quote(imp)+"\n"), want...)
	}
	f("edge/kv/kv.go", "sync")
	f("edge/kv/kv.go", module+"/edge/cache", "edge/kv has no door to edge/cache")
	f("edge/kv/kv_test.go", module+"/edge/cache")
	f("edge/brandnew/x.go", module+"/hostapi/exchange", `"hostapi/exchange" in the line of "edge/brandnew"`)
	f("edge/cache/x.go", module+"/edge/cache/policy")
	f("edge/cache/policy/x.go", module+"/edge/cache", "no door")
	f("edge/node/node.go", module+"/edge/kv")
	f("edge/node/node.go", module+"/sdk/go/wedge", "nothing of sdk")
	f("hostapi/native/x.go", module+"/edge/kv", "never back")
	f("runtime/engine/x.go", module+"/hostapi/exchange", "never back")
	f("runtime/engine/x.go", "github.com/tetratelabs/wazero")
	f("runtime/meter/x.go", "github.com/tetratelabs/wazero/api", "belongs to runtime/engine, runtime/sandbox")
	f("edge/front/h1/x.go", "github.com/valyala/fasthttp")
	f("edge/pipeline/x.go", "github.com/valyala/fasthttp/fasthttputil", "belongs to edge/front/h1")
	f("edge/cmd/wedge/x.go", "net/http")
	f("edge/cmd/another/x.go", "net/http")
	f("hostapi/exchange/x.go", "net/http", "belongs to")
	f("hostapi/exchange/x.go", "net/netip")
	f("hostapi/exchange/x.go", "golang.org/x/net/idna", "standard library only")
	f("edge/config/internal/field/x.go", "github.com/goccy/go-yaml")
	f("edge/config/internal/field/x.go", module+"/edge/config/internal/line")
	f("edge/config/x.go", module+"/edge/config/internal/field")
	f("edge/config/internal/field/x.go", module+"/edge/kv", `in the line of "edge/config"`)
	f("edge/kv/testdata/x.go", module+"/edge/cache")
	f("benchmarks/x.go", "github.com/valyala/fasthttp")
}

func TestDoorsFinds(t *testing.T) {
	var all []string // a tree with every listed package, so that only what is taken away is missing
	for pkg := range mayImport {
		all = append(all, pkg+"/x.go", "package x\n")
	}
	readmes := func(edge string) []string {
		return []string{"edge/README.md", edge, "hostapi/README.md", "", "runtime/README.md", ""}
	}
	without := func(pkg string) []string {
		i := slices.Index(all, pkg+"/x.go")
		return slices.Concat(all[:i], all[i+2:])
	}
	finds(t, doors, tree(append(readmes(""), all...)...))
	finds(t, doors, tree(append(readmes(""), without("edge/kv")...)...), "lists edge/kv, which does not exist")
	finds(t, doors, tree(append(readmes("- `edge/kv`: Stores.\n"), without("edge/kv")...)...), "lists edge/kv, which does not exist")
	finds(t, doors, tree(append(readmes("- `edge/kv`: Stores. *(planned)*\n"), without("edge/kv")...)...))
}

func TestOutsideFinds(t *testing.T) {
	f := func(name, imp string, want ...string) {
		t.Helper()
		finds(t, outside, tree(name, "package x\n\nimport _ "+strconv.Quote(imp)+"\n"), want...)
	}
	f("sdk/go/x.go", module+"/sdk/go/internal/raw")
	f("sdk/go/x.go", module+"/hostapi/abi", "guests use nothing of the host")
	f("sdk/go/x_test.go", module+"/hostapi/abi", "guests use nothing of the host")
	f("examples/auth/x.go", module+"/sdk/go")
	f("examples/auth/x.go", module+"/examples/internal/token")
	f("examples/auth/x.go", module+"/edge/kv", "guests use nothing of the host")
	f("examples/auth/x_test.go", module+"/edge/node")
	f("benchmarks/x.go", module+"/edge/node")
}
