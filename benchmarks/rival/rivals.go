package rival

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/guest"
)

// none are the reasons that several give.
const (
	noFunctions = "runs no functions"
	noCache     = "has no cache"
	noDisk      = "keeps nothing on disk"
	notThis     = "this function is not written for it"
	noLoops     = "its language has no loops"
	noBodies    = "its language does not change bodies"
	noTLS       = "speaks no TLS"
	noQUIC      = "Debian's build speaks no HTTP/3"
	noStore     = "has no store that functions read"
)

// Elsewhere is what a variant lacks that another of the same server has: the report has no row for it.
const Elsewhere = "another variant of it is measured"

// All are the rivals, in the order of a report. wedge is the node's binary, self this program's, which serves the bare handlers.
func All(wedge, self string) []Rival {
	all := []Rival{bare(self)}
	all = append(all, nodes(wedge)...)
	return append(all, nginx("nginx", "", "nginx"), nginx("nginx+lua", "lua", "libnginx-mod-http-lua"), nginx("nginx+njs", "njs", "libnginx-mod-http-js"),
		varnish(), haproxy(), trafficServer(), squid(), caddy(), reverseProxy(self), workerd())
}

// does gives the reason of a rival that does what is listed and nothing else.
func does(cache, disk bool, functions ...string) func(Job) string {
	return func(j Job) string {
		if j.Function != "" {
			for _, f := range functions {
				if f == j.Function {
					return ""
				}
			}
			if len(functions) == 0 {
				return noFunctions
			}
			return notThis
		}
		if j.Cache && !cache {
			return noCache
		}
		if j.DiskMB > 0 && !disk {
			return noDisk
		}
		return ""
	}
}

func args(a ...string) func(Job) []string { return func(Job) []string { return a } }

func nginx(name, variant, pack string) Rival {
	p := &program{
		name: name, files: "nginx", variant: variant, find: installed("nginx", pack),
		version: []string{"-v"}, pattern: `nginx/(\S+)`,
		lacks: does(true, true), folders: []string{"cache"},
		args: args("-p", "{{.Dir}}", "-c", "{{.Dir}}/nginx.conf", "-e", "{{.Dir}}/error.log"),
		not:  map[string]string{HTTP3: "this version, Debian's, speaks no HTTP/3"},
	}
	if variant != "" {
		module := map[string]string{"lua": "ngx_http_lua_module.so", "njs": "ngx_http_js_module.so"}[variant]
		find := p.find
		p.find = func() (string, error) {
			for _, dir := range []string{"/usr/lib/nginx/modules", "/usr/share/nginx/modules"} {
				if _, err := os.Stat(filepath.Join(dir, module)); err == nil {
					return find()
				}
			}
			return "", fmt.Errorf("its module is not installed: make bench-rivals (Debian's package %s)", pack)
		}
		// Debian's module looks for modules beside the prefix.
		p.prepare = func(_, dir string, _ Job) error {
			return os.Symlink("/usr/lib/nginx/modules", filepath.Join(dir, "modules"))
		}
		p.lacks = func(j Job) string {
			if j.Function == "" {
				return Elsewhere
			}
			return does(true, true, "ua", "ab", "jwt", "rewrite", "json", "kv")(j)
		}
		if variant == "njs" {
			p.not["kv"] = "this version of njs, Debian's, has no shared dictionary"
		} else {
			p.not["jwt"] = "Debian has no HMAC with SHA-256 for it"
		}
		p.deploy = func(r *Process, _ string, _ fields, _ string) error { return syscall.Kill(r.PID, syscall.SIGHUP) }
	}
	return p
}

func varnish() Rival {
	return &program{
		name: "varnish", files: "varnish", find: installed("varnishd", "varnish"),
		version: []string{"-V"}, pattern: `varnish-(\S+)`, lacks: does(true, false, "ua", "ab"), folders: []string{"work"},
		args: args("-F", "-n", "{{.Dir}}/work", "-j", "none", "-a", "{{.Host}}:{{.Port}}", "-f", "{{.Dir}}/default.vcl", "-s", "malloc,{{.MemoryMB}}m", "-T", "{{.Admin}}", "-S", "none"),
		not:  map[string]string{TLS: noTLS, HTTP2: noTLS, HTTP3: noTLS, "spin": noLoops, "rewrite": noBodies, "json": noBodies, "kv": noStore},
		deploy: func(_ *Process, _ string, f fields, _ string) error {
			for _, command := range [][]string{{"vcl.load", fmt.Sprintf("v%d", f.Serial), filepath.Join(f.Dir, "default.vcl")}, {"vcl.use", fmt.Sprintf("v%d", f.Serial)}} {
				if out, err := exec.Command("varnishadm", append([]string{"-T", f.Admin}, command...)...).CombinedOutput(); err != nil {
					return fmt.Errorf("varnishadm %s: %w: %s", command[0], err, out)
				}
			}
			return nil
		},
	}
}

func haproxy() Rival {
	return &program{
		name: "haproxy", files: "haproxy", find: installed("haproxy", "haproxy"),
		version: []string{"-v"}, pattern: `ersion (\S+)`,
		lacks: func(j Job) string {
			if j.Revalidate {
				return "does not revalidate"
			}
			return does(true, false, "ua", "ab", "jwt", "kv")(j)
		},
		args: args("-W", "-db", "-f", "{{.Dir}}/haproxy.cfg"),
		not:  map[string]string{HTTP3: noQUIC, "rewrite": noBodies, "json": noBodies},
		prepare: func(_, dir string, _ Job) error {
			var b strings.Builder
			for id := range Links {
				key, value := Link(id)
				fmt.Fprintf(&b, "%s %s\n", key, value)
			}
			return os.WriteFile(filepath.Join(dir, "links.map"), []byte(b.String()), 0o644)
		},
		deploy: func(r *Process, _ string, _ fields, _ string) error { return syscall.Kill(r.PID, syscall.SIGUSR2) },
	}
}

func trafficServer() Rival {
	return &program{
		name: "trafficserver", files: "trafficserver", find: installed("traffic_server", "trafficserver"),
		version: []string{"--version"}, pattern: `traffic_server - (\S+)`, lacks: does(true, true, "ua", "ab"),
		not:     map[string]string{HTTP3: noQUIC, "spin": noLoops, "rewrite": noBodies, "json": noBodies, "kv": noStore, "deploy": "takes a new configuration from its manager, which does not run here"},
		folders: []string{"log", "cache", "run"},
		env:     []string{"PROXY_CONFIG_CONFIG_DIR={{.Dir}}/config", "PROXY_CONFIG_LOCAL_STATE_DIR={{.Dir}}/run"},
		args:    args("--run-root={{.Dir}}/runroot.yaml"), user: true,
		prepare: func(_, dir string, _ Job) error {
			text := "prefix: DIR\nexec_prefix: DIR\nbindir: /usr/bin\nsbindir: /usr/bin\nsysconfdir: DIR/config\ndatadir: DIR/run\nincludedir: /usr/include\n" +
				"libdir: /usr/lib/trafficserver\nlibexecdir: /usr/lib/trafficserver/modules\nlocalstatedir: DIR/run\nruntimedir: DIR/run\nlogdir: DIR/log\ncachedir: DIR/cache\n"
			return os.WriteFile(filepath.Join(dir, "runroot.yaml"), []byte(strings.ReplaceAll(text, "DIR", dir)), 0o644)
		},
	}
}

func squid() Rival {
	return &program{
		name: "squid", files: "squid", find: installed("squid", "squid"),
		version: []string{"-v"}, pattern: `Version (\S+)`, lacks: does(true, false), user: true,
		not:  map[string]string{TLS: "Debian's build speaks no TLS", HTTP2: "speaks no HTTP/2", HTTP3: "speaks no HTTP/3"},
		args: args("-N", "-f", "{{.Dir}}/squid.conf"),
	}
}

func caddy() Rival {
	return &program{
		name: "caddy", files: "caddy", find: installed("caddy", "caddy"),
		version: []string{"version"}, pattern: `v?(\d\S*)`, lacks: does(false, false),
		not:  map[string]string{HTTP3: "has no cache, and Debian's h2load speaks no HTTP/3"},
		env:  []string{"HOME={{.Dir}}", "GOMAXPROCS={{.Cores}}"},
		args: args("run", "--config", "{{.Dir}}/Caddyfile", "--adapter", "caddyfile"),
	}
}

// bare is the fasthttp handler that a node could at best be as fast as.
func bare(self string) Rival {
	return &program{
		name: "bare", find: this(self), version: []string{"fasthttp of the node"},
		lacks: func(j Job) string {
			if j.Asks {
				return "asks no origin"
			}
			return does(true, false, "ua")(j)
		},
		not:  map[string]string{TLS: "is the limit of the node's front, which has no TLS", HTTP2: "fasthttp speaks no HTTP/2", HTTP3: "fasthttp speaks no HTTP/3", "spin": "runs nothing but its own code", "deploy": "runs nothing but its own code"},
		args: args("serve-bare", "{{.Host}}:{{.Port}}", "{{.Function}}"),
	}
}

func reverseProxy(self string) Rival {
	return &program{
		name: "reverseproxy", find: this(self), version: []string{"net/http of the node's Go"}, lacks: does(false, false),
		args: args("serve-proxy", "{{.Host}}:{{.Port}}", "{{.Origin}}"),
	}
}

func this(path string) func() (string, error) {
	return func() (string, error) { return path, nil }
}

func workerd() Rival {
	return &program{
		name: "workerd", files: "workerd", version: []string{"--version"}, pattern: `workerd (\S+)`,
		find: func() (string, error) {
			found, _ := filepath.Glob("rival/workerd/node_modules/@cloudflare/workerd-*/bin/workerd") // the suite runs in benchmarks
			if len(found) == 0 {
				return "", errors.New("not installed: make bench-rivals (npm's package workerd)")
			}
			return filepath.Abs(found[0])
		},
		lacks: func(j Job) string {
			if j.Function == "" {
				return Elsewhere
			}
			return does(false, false, "ua", "ab", "jwt", "json")(j)
		},
		not: map[string]string{"kv": "its stores are services of others, which the binary does not have", "rewrite": "has no cache whose body it would change", "deploy": "takes new code by a restart only"},
		prepare: func(_, dir string, j Job) error {
			return os.WriteFile(filepath.Join(dir, "body.txt"), j.Body, 0o644)
		},
		args: args("serve", "{{.Dir}}/config.capnp"),
	}
}

// Base are the node of another revision, as it is and with a function, as nodes are for this one.
func Base(binary string) (all []Rival) {
	for _, r := range nodes(binary) {
		p := r.(*program)
		p.name = "base" + strings.TrimPrefix(p.name, "wedge")
		all = append(all, p)
	}
	return all
}

// node is the node as it is, or with a function in a language.
func node(binary, name, language, isolation string) Rival {
	return &program{
		name: name, files: "wedge", version: []string{"version"}, pattern: `(?s)(\S.*\S)`,
		find: func() (string, error) {
			if binary == "" {
				return "", errors.New("no binary was given")
			}
			return exec.LookPath(binary)
		},
		env: []string{"GOMAXPROCS={{.Cores}}"}, language: language, isolation: isolation,
		not:     map[string]string{TLS: noFront, HTTP2: noFront, HTTP3: noFront},
		metrics: "http://{{.Admin}}/metrics",
		begun:   begin,
		deploy: func(_ *Process, binary string, f fields, file string) error {
			return operate(binary, f, "function", "deploy", f.Function, file)
		},
		lacks: func(j Job) string {
			if j.Spin != "" && language != "c" || j.Deploys && (isolation == "instance" || language == guest.JavaScript || strings.HasSuffix(language, "-wasm")) {
				return Elsewhere
			}
			if language == "" && j.Function == "" {
				return ""
			}
			if language == "" || j.Function == "" {
				return Elsewhere
			}
			m, ok := j.Modules[language]
			if !ok {
				return notThis
			}
			return m.Lacks
		},
		args: args("serve", "--config", "{{.Dir}}/wedge.yaml"),
	}
}

// noFront is why the node has no row for TLS, HTTP/2 and HTTP/3.
const noFront = "its only front is HTTP/1.1 without TLS"

// begin gives a node what it has not from its configuration: the first version of a function that will be replaced, and what is in the store.
func begin(binary string, f fields) error {
	if f.Deploys {
		if err := operate(binary, f, "function", "deploy", f.Function, filepath.Join(f.Dir, "function.wasm")); err != nil {
			return err
		}
	}
	if f.Function != "kv" {
		return nil
	}
	var b strings.Builder
	for id := range Links {
		key, value := Link(id)
		line, err := json.Marshal(map[string]string{"key": key, "value": value})
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	file := filepath.Join(f.Dir, "links.jsonl")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return operate(binary, f, "kv", "import", "links", file)
}

// operate has the command line tell a node something, as soon as it listens for that.
func operate(binary string, f fields, args ...string) error {
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command(binary, append(args, "--node", f.Admin)...).CombinedOutput()
		if err == nil {
			return nil
		}
		if time.Now().After(limit) || !strings.Contains(string(out), "refused") {
			return fmt.Errorf("%s: %w: %s", strings.Join(args[:2], " "), err, out)
		}
	}
}

// nodes are the node as it is, with many functions, and with one in each language and way of isolation.
func nodes(binary string) []Rival {
	many := node(binary, "wedge/many", "", "").(*program)
	many.files = "many"
	many.lacks = func(j Job) string {
		if len(j.Many) == 0 {
			return Elsewhere
		}
		return ""
	}
	all := []Rival{node(binary, "wedge", "", ""), many}
	for _, language := range guest.Languages() {
		if language == guest.JavaScript { // a row for a new program each time, one for programs that take their next request
			for _, v := range [][2]string{{"", "request"}, {"/reused", "instance"}} {
				p := node(binary, "wedge/"+language+v[0], language, v[1]).(*program)
				p.portion = 10
				all = append(all, p)
			}
			continue
		}
		all = append(all, node(binary, "wedge/"+language, language, "request"), node(binary, "wedge/"+language+"/pooled", language, "instance"))
	}
	return all
}
