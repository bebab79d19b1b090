package conform

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/fastly"
	"github.com/wedgecdn/wedge/hostapi/httpwasm"
	"github.com/wedgecdn/wedge/hostapi/proxywasm"
)

var rewrite = flag.Bool("rewrite", false, "write what is generated from the adapters' tables")

// The page of what works of other hosts' ABIs says what the adapters' tables say.
func TestCompatibilityPage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Functions that were written for other hosts

A module's imports and exports tell which ABI it speaks. Limits, isolation, failure policy, metrics and logs hold for all of them as
for Wedge's own. This page is generated from the tables of the adapters: ` + "`go test ./hostapi/conform -rewrite`" + `.

`)
	table := func(title, about string, list []adapter.Function) {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| function | status |\n|---|---|\n", title, about)
		for _, f := range list {
			note := f.Note
			switch {
			case note == "":
				note = "works"
			case !strings.HasPrefix(note, "unsupported"):
				note = "works: " + note
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", f.Name, note)
		}
		b.WriteString("\n")
	}
	table("proxy-wasm 0.1.0, 0.2.0, 0.2.1", `The callbacks of the request run at `+"`on_request`"+`, those of the response at `+"`on_response`"+`. Isolation is `+"`instance`"+` unless the configuration says otherwise, memory 128MiB.
Each instance has the plugin's context; ticks and queues are served by one root instance a binding. A filter that paused goes on when a callout or a
tick lets it; with nothing under way that could, or when its wall time is spent, it has failed. Envoy's own results of callbacks hold too: 2 for a head goes on,
more than that pauses the callbacks for the body as well; for a body all but 0 pause, and from 3 on the chunk is not kept. Pseudo fields are `+"`:method :path :authority :scheme :status`"+`.

Settings in the function's `+"`config`"+`: `+"`plugin_root_id`"+`, `+"`vm_id`"+`, `+"`vm_config`"+`, `+"`plugin_config`"+`; without the last the plugin's configuration is a JSON object of all other settings.
Callouts reach what the function's `+"`fetch`"+` lists: the upstream is an origin's name, or the host of a listed URL;
of the name of a cluster, `+"`outbound|80||shop`"+`, it is the last part. Modules of Higress (0.2.100) are taken for 0.2.1.

A response whose length is known and at most `+"`max_body`"+` is shown as a whole, before its head is sent, so that what the filter makes of it has the right length.
Any other is shown chunk by chunk while it is sent: a filter that will change it removes Content-Length in `+"`proxy_on_response_headers`"+`, as other hosts ask of it too. Request
bodies are shown as a whole; of one larger than `+"`max_body`"+` the filter sees the beginning, and fails if it looks at it.

Properties have Envoy's paths, with NULs or dots: `+"`request.*`, `response.*`, `source.*` (`source.client_region`, too), `connection.*`, `plugin_*`, `route_name`, `cluster_name`"+`, and `+"`wedge.cache_key`, `wedge.cache_ttl`, `wedge.cache_tags`, `wedge.cache_outcome`"+`.`,
		proxywasm.Functions())
	table("http-wasm", `The HTTP handler ABI of Traefik's and Dapr's plugins: `+"`handle_request`"+` runs at `+"`on_request`"+`, `+"`handle_response`"+` at `+"`on_response`"+`, in the same instance.
The guest's configuration is the setting `+"`config`"+` in the function's `+"`config`"+`, or a JSON object of all settings.`, httpwasm.Functions())
	table("Fastly Compute", `A program that was built for it, in JavaScript, Rust, Go or AssemblyScript, is a `+"`handler`"+`: it runs once for each request, in an instance of its own, with 128MiB; under `+"`isolation: instance`"+` one that asks for its next request gets it. What is not offered answers `+"`unsupported`"+`,
which the SDKs report as an error.

Its names are in the function's settings. A backend is an origin that `+"`fetch`"+` lists; a dynamic backend is made for a host that `+"`fetch`"+` lists as a URL, and under `+"`wedge function run`"+` for any that is not of this machine and its networks. The item KEY of a config store or dictionary STORE is the
value `+"`STORE.KEY`"+` in `+"`config`"+`, that of a secret store the secret `+"`STORE.KEY`"+`; the ACL NAME is the value `+"`acl.NAME`"+`, in the JSON of the vendor's files. KV stores are those of `+"`kv`"+`.
A backend or store with a name that Wedge's cannot have is renamed by the value `+"`backend.NAME`"+` or `+"`kv.NAME`"+`.
Requests to backends go through the node's cache, as the program's cache overrides say. The content of requests and responses streams both ways, of any length; what a program holds in bodies of its own, and of what it found in a cache,
is bounded by `+"`max_body`"+`, and by 32 MiB if that is less. What it holds beside that (heads, trailers, secrets of its own, metadata, values of stores on their way) is 16 MiB at most.

Programs that keep responses by themselves (hooks before and after a request to a backend, `+"`fastly_http_cache`"+`) are told what the node's own cache would do: what is suggested to be kept, and for how long, is what a site without
rules of its own would keep, and Surrogate-Control comes before Cache-Control. What says nothing of how long it is fresh is not suggested to be kept; a program that keeps it none the less is told an hour. Such responses stand in
the owner's part of the cache in memory, apart from what the node keeps itself, and go with purges of their surrogate keys, of their URL as the program asked for it, of its prefixes and of all, also with one that comes between the lookup and the
insert. One of more than 8 MiB passes through and is not kept. Who waits for another program gets a response when all of it is there. A program that looks up what it is itself to insert goes past the cache, as it would wait for ever.`, fastlyFunctions())
	page := filepath.FromSlash("../../edge/docs/compatibility.md")
	text := strings.TrimRight(b.String(), "\n") + "\n"
	if *rewrite {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("%s is not what the tables say: go test ./hostapi/conform -rewrite", page)
	}
}

func fastlyFunctions() (list []adapter.Function) {
	for name, works := range fastly.Supported() {
		f := adapter.Function{Name: name}
		if !works {
			f.Note = "unsupported"
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b adapter.Function) int { return strings.Compare(a.Name, b.Name) })
	return list
}
