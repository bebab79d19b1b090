package admin

import "net/http"

const (
	mediaJSON   = "application/json"
	mediaBytes  = "application/octet-stream"
	mediaWasm   = "application/wasm"
	mediaYAML   = "application/yaml"
	mediaLines  = "application/x-ndjson"
	mediaMetric = "text/plain"
)

// Header fields of the values of stores.
const (
	// HeaderVersion is the version of an entry; the ETag is the same in quotes.
	HeaderVersion = "Wedge-Version"
	// HeaderMetadata is an entry's metadata in base64, in requests and answers.
	HeaderMetadata = "Wedge-Metadata"
	// HeaderExpires is when an entry ends, as RFC 3339 writes it; absent: never.
	HeaderExpires = "Wedge-Expires"
)

var (
	paramLimit  = parameter{name: "limit", kind: kindLimit, doc: "How many at most; the node may answer fewer.", preset: "100"}
	paramKey    = parameter{name: "key", doc: "The entry's key: any bytes, percent-encoded.", required: true}
	paramTTL    = parameter{name: "ttl", kind: kindDuration, doc: "How long the entry lives, as in 90s or 1h30m; absent: for ever."}
	ifMatch     = parameter{name: "If-Match", doc: "Only if the entry is at this version: \"17\"."}
	ifNoneMatch = parameter{name: "If-None-Match", doc: "Only if there is no entry: *."}
	metadata    = parameter{name: HeaderMetadata, doc: "The entry's metadata, in base64."}
	version     = parameter{name: HeaderVersion, doc: "The entry's version."}
	expires     = parameter{name: HeaderExpires, doc: "When the entry ends; absent: never."}
	etag        = parameter{name: "ETag", doc: "The version in quotes, for If-Match."}
)

// sizes of bodies.
func sizeJSON(*Options) int64     { return 64 << 10 }
func sizeConfig(*Options) int64   { return 1 << 20 }
func sizeModule(o *Options) int64 { return o.MaxModule }
func sizeValue(o *Options) int64  { return o.MaxValue }
func sizeImport(o *Options) int64 { return o.MaxImport }

// operations is the whole API, in the order of the OpenAPI page.
func operations() []operation {
	takes := func(v any) content { return content{of: v, media: mediaJSON, max: sizeJSON} }
	answers := func(v any) content { return content{of: v, media: mediaJSON} }
	return []operation{
		{id: "status.show", method: http.MethodGet, path: "/v1/status", scope: ScopeRead, summary: "How the node is.",
			out: answers(Status{}), handle: (*call).status},

		{id: "function.list", method: http.MethodGet, path: "/v1/functions", scope: ScopeRead, owned: true, summary: "The functions of an owner.",
			query: []parameter{{name: "all", kind: kindBool, doc: "Of every owner; for the operator only.", preset: "false"}},
			out:   answers(FunctionList{}), handle: (*call).functionList},
		{id: "function.show", method: http.MethodGet, path: "/v1/functions/{name}", scope: ScopeRead, owned: true, summary: "One function with its versions.",
			out: answers(Function{}), fails: []Code{NotFound}, handle: (*call).functionShow},
		{id: "function.deploy", method: http.MethodPut, path: "/v1/functions/{name}", scope: ScopeDeploy, write: true, owned: true, summary: "Upload a module as a new version, and run it, for everybody, as a canary for some, or as a shadow.",
			query: append([]parameter{
				{name: "activate", kind: kindBool, doc: "Whether it runs at once.", preset: "true"},
				{name: "message", doc: "A note to the version, at most 1024 bytes."},
			}, append(canaryParameters, shadowParameter)...),
			in:  content{media: mediaWasm, doc: "The module.", max: sizeModule},
			out: answers(Deployed{}), fails: []Code{Conflict, TooLarge, Invalid, Unavailable}, handle: (*call).functionDeploy},
		{id: "function.delete", method: http.MethodDelete, path: "/v1/functions/{name}", scope: ScopeDeploy, write: true, owned: true, summary: "Delete an uploaded function with all its versions.",
			out: answers(Deleted{}), fails: []Code{NotFound, Conflict}, handle: (*call).functionDelete},
		{id: "function.activate", method: http.MethodPost, path: "/v1/functions/{name}/activate", scope: ScopeDeploy, write: true, owned: true, summary: "Run a version that is kept, for everybody, as a canary for some, or as a shadow.",
			in: takes(ActivateRequest{}), out: answers(Deployed{}), fails: []Code{NotFound, Conflict, Invalid}, handle: (*call).functionActivate},
		{id: "function.version", method: http.MethodGet, path: "/v1/functions/{name}/version", scope: ScopeRead, owned: true, summary: "What a version that is kept is made of, and what its hooks cost.",
			query: []parameter{{name: "version", doc: "A version's hash, or its first digits, at least 8.", required: true}},
			out:   answers(VersionDetail{}), fails: []Code{NotFound, Conflict, Invalid, Unavailable}, handle: (*call).functionVersion},
		{id: "function.test", method: http.MethodPost, path: "/v1/functions/{name}/test", scope: ScopeDeploy, owned: true, summary: "Hold a version that is kept against conversations, apart from all others.",
			in:  content{of: TestRequest{}, media: mediaJSON, max: sizeCases},
			out: answers(TestReport{}), fails: []Code{NotFound, Conflict, TooLarge, Invalid, Unavailable}, handle: (*call).functionTest},
		{id: "function.promote", method: http.MethodPost, path: "/v1/functions/{name}/promote", scope: ScopeDeploy, write: true, owned: true, summary: "Run the canary for everybody.",
			out: answers(Deployed{}), fails: []Code{NotFound, Conflict}, handle: (*call).functionPromote},
		{id: "function.rollback", method: http.MethodPost, path: "/v1/functions/{name}/rollback", scope: ScopeDeploy, write: true, owned: true, summary: "Give canary and shadow up; without any, run the version that ran before.",
			out: answers(Deployed{}), fails: []Code{NotFound, Conflict}, handle: (*call).functionRollback},
		{id: "function.disable", method: http.MethodPost, path: "/v1/functions/{name}/disable", scope: ScopeDeploy, write: true, owned: true, summary: "Switch a function off, in an emergency.",
			out: answers(Switched{}), fails: []Code{NotFound}, handle: (*call).functionDisable},
		{id: "function.enable", method: http.MethodPost, path: "/v1/functions/{name}/enable", scope: ScopeDeploy, write: true, owned: true, summary: "Switch a function on again.",
			out: answers(Switched{}), fails: []Code{NotFound}, handle: (*call).functionEnable},
		{id: "function.logs", method: http.MethodGet, path: "/v1/functions/{name}/logs", scope: ScopeRead, owned: true, summary: "What a function logged, the oldest line first.",
			query: []parameter{
				{name: "after", kind: kindCount, doc: "The cursor of the page before; 0 begins limit lines before the end.", preset: "0"},
				paramLimit,
			},
			out: answers(LogPage{}), fails: []Code{NotFound}, handle: (*call).functionLogs},

		{id: "cache.purge", method: http.MethodPost, path: "/v1/purge", scope: ScopePurge, write: true, owned: true, summary: "Forget stored responses.",
			in: takes(PurgeRequest{}), out: answers(Purged{}), fails: []Code{Invalid}, handle: (*call).purge},
		{id: "cache.show", method: http.MethodPost, path: "/v1/cache/show", scope: ScopeRead, owned: true, summary: "What would become of a request, and why: nothing is fetched, but functions at on_request run.",
			in: takes(ShowRequest{}), out: answers(Shown{}), fails: []Code{Invalid, NotFound}, handle: (*call).cacheShow},
		{id: "cache.debug", method: http.MethodPost, path: "/v1/cache/debug", scope: ScopeRead, owned: true, summary: "A header field with which a client sees the cache key in Cache-Status.",
			in: takes(DebugRequest{}), out: answers(Debug{}), fails: []Code{Invalid, NotFound}, handle: (*call).cacheDebug},
		{id: "cache.warm", method: http.MethodPost, path: "/v1/cache/warm", scope: ScopePurge, write: true, owned: true, summary: "Ask for URLs as a client would, so that they are stored.",
			in: takes(WarmRequest{}), out: answers(WarmList{}), fails: []Code{Invalid}, handle: (*call).cacheWarm},
		{id: "cache.push", method: http.MethodPut, path: "/v1/cache/object", scope: ScopePurge, write: true, owned: true, summary: "Store a response as if the origin had given it.",
			query: []parameter{
				{name: "url", doc: "The URL that clients ask for.", required: true},
				{name: "status", kind: kindCount, doc: "The response's status.", preset: "200"},
				{name: "fields", doc: "The response's header fields, one a line, as in Cache-Control: max-age=60."},
			},
			in: content{media: mediaBytes, doc: "The response's body.", max: sizeImport}, out: answers(Pushed{}), fails: []Code{Invalid, NotFound, Conflict, TooLarge, Unavailable}, handle: (*call).cachePush},

		{id: "kv.stores", method: http.MethodGet, path: "/v1/kv", scope: ScopeRead, owned: true, summary: "The stores of an owner.",
			query: []parameter{{name: "after", doc: "The name behind which to begin."}, paramLimit},
			out:   answers(StoreList{}), fails: []Code{Invalid}, handle: (*call).kvStores},
		{id: "kv.list", method: http.MethodGet, path: "/v1/kv/{store}", scope: ScopeRead, owned: true, summary: "The keys of a store, in the order of their bytes.",
			query: []parameter{{name: "prefix", doc: "Only keys that begin so."}, {name: "cursor", doc: "The next of the page before."}, paramLimit},
			out:   answers(KeyList{}), fails: []Code{Invalid}, handle: (*call).kvList},
		{id: "kv.drop", method: http.MethodDelete, path: "/v1/kv/{store}", scope: ScopeDeploy, write: true, owned: true, summary: "Delete a store with all its entries.",
			out: answers(Dropped{}), fails: []Code{Invalid}, handle: (*call).kvDrop},
		{id: "kv.get", method: http.MethodGet, path: "/v1/kv/{store}/value", scope: ScopeRead, owned: true, summary: "The value of a key, as it is.",
			query: []parameter{paramKey}, headers: []parameter{etag, version, metadata, expires},
			out: content{media: mediaBytes, doc: "The value."}, fails: []Code{Invalid, NotFound}, handle: (*call).kvGet},
		{id: "kv.put", method: http.MethodPut, path: "/v1/kv/{store}/value", scope: ScopeDeploy, write: true, owned: true, summary: "Store a value.",
			query: []parameter{paramKey, paramTTL}, header: []parameter{ifMatch, ifNoneMatch, metadata}, headers: []parameter{etag},
			in:  content{media: mediaBytes, doc: "The value.", max: sizeValue},
			out: answers(Written{}), fails: []Code{Conflict, Invalid, PreconditionFailed, TooLarge}, handle: (*call).kvPut},
		{id: "kv.delete", method: http.MethodDelete, path: "/v1/kv/{store}/value", scope: ScopeDeploy, write: true, owned: true, summary: "Delete an entry.",
			query: []parameter{paramKey}, header: []parameter{ifMatch},
			out: answers(Deleted{}), fails: []Code{Invalid, PreconditionFailed}, handle: (*call).kvDelete},
		{id: "kv.add", method: http.MethodPost, path: "/v1/kv/{store}/add", scope: ScopeDeploy, write: true, owned: true, summary: "Add to a number.",
			query: []parameter{paramKey}, in: takes(AddRequest{}), out: answers(Added{}), fails: []Code{Conflict, Invalid}, handle: (*call).kvAdd},
		{id: "kv.export", method: http.MethodGet, path: "/v1/kv/{store}/export", scope: ScopeRead, owned: true, summary: "All entries of a store, one JSON object a line.",
			out: content{media: mediaLines, doc: "Lines with key, value, metadata (or each with 64 behind its name, in base64), expires and version."}, fails: []Code{Invalid}, handle: (*call).kvExport},
		{id: "kv.import", method: http.MethodPost, path: "/v1/kv/{store}/import", scope: ScopeDeploy, write: true, owned: true, summary: "Put the entries of an export into a store, over those of the same keys.",
			in:  content{media: mediaLines, doc: "Lines as an export has them.", max: sizeImport},
			out: answers(Imported{}), fails: []Code{Conflict, Invalid, TooLarge}, handle: (*call).kvImport},

		{id: "record", method: http.MethodPost, path: "/v1/record", scope: ScopeDeploy, write: true, owned: true, summary: "Write down exchanges and what their functions asked and did, as they happen, without secrets, to be replayed.",
			in: takes(RecordRequest{}), out: content{media: mediaLines, doc: "A recording, one JSON object a line; empty lines say that the node is there. It ends when there are enough exchanges, or it is time."}, fails: []Code{Conflict, Invalid, NotFound}, handle: (*call).recordExchanges},

		{id: "config.show", method: http.MethodGet, path: "/v1/config", scope: ScopeAdmin, summary: "The configuration in effect, without secrets.",
			headers: []parameter{{name: "ETag", doc: "Names the text of the file."}},
			out:     answers(ConfigShown{}), handle: (*call).configShow},
		{id: "config.apply", method: http.MethodPut, path: "/v1/config", scope: ScopeAdmin, write: true, summary: "Replace the configuration file and put it into effect; a text that is wrong changes nothing.",
			query:  []parameter{{name: "dry_run", kind: kindBool, doc: "Only check, and say what would change.", preset: "false"}},
			header: []parameter{{name: "If-Match", doc: "Only if the file is still the one of this ETag."}},
			in:     content{media: mediaYAML, doc: "The whole wedge.yaml.", max: sizeConfig},
			out:    answers(ConfigApplied{}), fails: []Code{Conflict, PreconditionFailed, TooLarge, Invalid}, handle: (*call).configApply},

		{id: "openapi", method: http.MethodGet, path: "/v1/openapi.json", scope: scopeOpen, summary: "This page.",
			out: content{media: mediaJSON, doc: "An OpenAPI 3.1 document."}, handle: (*call).openAPI},
		{id: "metrics", method: http.MethodGet, path: "/metrics", scope: ScopeRead, summary: "Numbers for Prometheus. On a loopback listener no token is needed.",
			out: content{media: mediaMetric, doc: "Prometheus' text format, or what the Accept field asks for."}, handle: (*call).metrics},
		{id: "healthz", method: http.MethodGet, path: "/healthz", scope: scopeOpen, summary: "200 while the process lives.",
			out: answers(Check{}), handle: (*call).healthz},
		{id: "readyz", method: http.MethodGet, path: "/readyz", scope: scopeOpen, summary: "200 while the node takes requests, 503 with a reason from the moment it is told to stop.",
			out: answers(Check{}), busy: Check{}, handle: (*call).readyz},
	}
}
