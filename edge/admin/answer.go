package admin

import "time"

// The JSON of the API. A tag `doc` is the description in the OpenAPI page.
// Fields are only ever added.

// A Function is a named module with its versions.
type Function struct {
	Owner string `json:"owner"`
	Name  string `json:"name"`
	// Source is Uploaded, FromFile or Awaited.
	Source   Source    `json:"source" doc:"Where its module comes from: uploaded here, a file that the configuration names, or nowhere yet (the configuration awaits an upload)."`
	Active   string    `json:"active" doc:"SHA-256 of the version that runs, empty if none does."`
	Disabled bool      `json:"disabled" doc:"The switch for emergencies: the function is not called."`
	Bindings []string  `json:"bindings" doc:"The sites, and routes as site and path, that call it."`
	Past     []string  `json:"past" doc:"Versions that ran before, the latest last."`
	Versions []Version `json:"versions" doc:"Versions that are kept, the newest first."`
	Canary   *Canary   `json:"canary,omitempty" doc:"The version that is tried out beside the active one, absent if there is none."`
	Shadow   *Shadow   `json:"shadow,omitempty" doc:"The version that runs on copies of exchanges, absent if there is none."`
	// LastCanary is how the last one ended.
	LastCanary *CanaryEnding `json:"last_canary,omitempty" doc:"How the last canary ended, absent if there was none."`
	// Usage and Failures are in the answer about one function only.
	Usage    []FunctionUsage   `json:"usage,omitempty" doc:"What it has spent since it was loaded, for each of its settings. In the answer about one function only."`
	Failures []FunctionFailure `json:"failures,omitempty" doc:"The ways in which it failed, the latest first. In the answer about one function only."`
}

// Source says where a function's module comes from.
type Source string

// Values of Source.
const (
	Uploaded Source = "upload"
	FromFile Source = "file"
	Awaited  Source = "awaited"
)

// Values lists every Source.
func (Source) Values() []string { return []string{string(Uploaded), string(FromFile), string(Awaited)} }

// A Version is one module.
type Version struct {
	Hash    string    `json:"hash" doc:"SHA-256 of the module, in hexadecimal."`
	Size    int       `json:"size" doc:"Bytes of the module."`
	ABI     string    `json:"abi" doc:"The interface it speaks."`
	Hooks   []string  `json:"hooks" doc:"The hooks it exports."`
	Created time.Time `json:"created"`
	By      string    `json:"by,omitempty" doc:"The token that uploaded it."`
	Message string    `json:"message,omitempty"`
}

// FunctionList answers the list of functions.
type FunctionList struct {
	Functions []Function `json:"functions"`
}

// Deployed answers what changes which version of a function runs.
type Deployed struct {
	Owner    string  `json:"owner"`
	Name     string  `json:"name"`
	Version  Version `json:"version"`
	Active   bool    `json:"active" doc:"Whether this version is the one that runs now."`
	Previous string  `json:"previous" doc:"The version that ran before this call, empty if none did."`
	Canary   *Canary `json:"canary,omitempty" doc:"What is tried out now, absent if nothing is."`
	Shadow   *Shadow `json:"shadow,omitempty" doc:"What runs on copies of exchanges now, absent if nothing does."`
}

// Switched answers the switch for emergencies.
type Switched struct {
	Owner    string `json:"owner"`
	Name     string `json:"name"`
	Disabled bool   `json:"disabled"`
}

// Deleted answers the removal of a function or of an entry.
type Deleted struct {
	Deleted bool `json:"deleted" doc:"Whether there was something to delete."`
}

// ActivateRequest names the version that shall run.
type ActivateRequest struct {
	Version        string   `json:"version" doc:"A version's hash, or its first digits, at least 8."`
	Canary         string   `json:"canary,omitempty" doc:"Run it for this share of the clients only, as in 5%."`
	CanaryHeader   string   `json:"canary_header,omitempty" doc:"Run it for requests with this field, as in X-Canary: 1."`
	CanaryCookie   string   `json:"canary_cookie,omitempty" doc:"The cookie by which clients are told apart; absent: their address."`
	RollbackOn     string   `json:"rollback_on,omitempty" doc:"The budget at whose end the node gives the canary up, as in: errors 1%, p99 5ms, p99 wall 20ms."`
	RollbackWindow Duration `json:"rollback_window,omitempty" doc:"Over how long calls are counted; absent: 1m."`
	RollbackCalls  int      `json:"rollback_calls,omitempty" doc:"How many calls a verdict takes; absent: 100."`
	Shadow         string   `json:"shadow,omitempty" doc:"Run it on copies of this share of the exchanges, as in 10%; what comes of it is compared, and never served."`
}

// A LogLine is a line that a function wrote, or that the node wrote about it.
type LogLine struct {
	Number  uint64    `json:"number" doc:"Counts the function's lines from 1."`
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Request string    `json:"request,omitempty" doc:"The exchange it belongs to."`
	Version string    `json:"version,omitempty"`
	Message string    `json:"message"`
}

// LogPage answers a function's logs.
type LogPage struct {
	Lines  []LogLine `json:"lines"`
	Cursor uint64    `json:"cursor" doc:"Give it as after to read on."`
}

// PurgeRequest says what to forget: exactly one of URL, Prefix, Tag and All.
type PurgeRequest struct {
	URL    string `json:"url,omitempty" doc:"A URL; everything that was made from it goes."`
	Prefix string `json:"prefix,omitempty" doc:"The beginning of URLs: scheme, host and the beginning of a path."`
	Tag    string `json:"tag,omitempty" doc:"A tag that responses were stored under."`
	All    bool   `json:"all,omitempty" doc:"Everything of the owner."`
	Soft   bool   `json:"soft,omitempty" doc:"Make it stale, so that it is kept until the origin has confirmed or replaced it."`
}

// Purged answers a purge. When it is answered, no new request gets what it named.
type Purged struct {
	Owner    string `json:"owner"`
	Sequence uint64 `json:"sequence" doc:"The purge's number on this node."`
	Soft     bool   `json:"soft"`
}

// A Store is a store in the list of stores.
type Store struct {
	Name    string `json:"name"`
	Entries int64  `json:"entries"`
	Bytes   int64  `json:"bytes"`
}

// StoreList answers the list of stores.
type StoreList struct {
	Stores []Store `json:"stores"`
	Next   string  `json:"next,omitempty" doc:"Give it as after to read on; absent at the end."`
}

// A Key is an entry in the list of a store. A key or metadata that is not
// UTF-8 stands in base64 in the field with 64 in its name.
type Key struct {
	Key        string    `json:"key,omitempty"`
	Key64      []byte    `json:"key64,omitempty"`
	Metadata   string    `json:"metadata,omitempty"`
	Metadata64 []byte    `json:"metadata64,omitempty"`
	Size       int       `json:"size" doc:"Bytes of the value."`
	Version    uint64    `json:"version"`
	Expires    time.Time `json:"expires,omitzero"`
}

// KeyList answers the list of a store.
type KeyList struct {
	Keys []Key  `json:"keys"`
	Next string `json:"next,omitempty" doc:"Give it as cursor to read on; absent at the end. A page may be short, even empty, and have a next one."`
}

// Written answers a put.
type Written struct {
	Version uint64 `json:"version" doc:"The entry's version; it is its ETag too."`
}

// AddRequest says what to add to a number.
type AddRequest struct {
	Delta int64    `json:"delta" doc:"What is added; negative to take away."`
	TTL   Duration `json:"ttl,omitempty" doc:"How long an entry that this makes lives, as in 90s or 1h30m; absent: for ever."`
}

// Added answers an addition.
type Added struct {
	Value   int64  `json:"value" doc:"The sum."`
	Version uint64 `json:"version"`
}

// Dropped answers the removal of a store.
type Dropped struct {
	Removed int `json:"removed" doc:"How many entries it had."`
}

// Imported answers an import.
type Imported struct {
	Written   int `json:"written"`
	Unchanged int `json:"unchanged" doc:"Entries that were there just so."`
	Expired   int `json:"expired" doc:"Lines whose entry has expired meanwhile."`
}

// ConfigShown answers the configuration in effect.
type ConfigShown struct {
	File string `json:"file,omitempty"`
	YAML string `json:"yaml" doc:"The configuration in effect, with defaults and without secrets."`
	ETag string `json:"etag,omitempty" doc:"Names the text of the file; give it as If-Match to replace just that one."`
}

// A Change is one difference between two configurations.
type Change struct {
	Path    string `json:"path"`
	Kind    string `json:"kind" doc:"added, removed or changed."`
	Old     string `json:"old,omitempty"`
	New     string `json:"new,omitempty"`
	Restart bool   `json:"restart" doc:"It takes effect at the next start only."`
}

// ConfigApplied answers a new configuration.
type ConfigApplied struct {
	Applied bool     `json:"applied" doc:"False if it was only checked."`
	Changes []Change `json:"changes"`
	Restart []string `json:"restart" doc:"Paths of the changes that need a restart."`
	Kept    string   `json:"kept,omitempty" doc:"The file that holds the text of before."`
}

// Status answers how the node is.
type Status struct {
	Version       string           `json:"version"`
	Started       time.Time        `json:"started"`
	UptimeSeconds float64          `json:"uptime_seconds"`
	Ready         bool             `json:"ready"`
	Draining      bool             `json:"draining"`
	Listen        []string         `json:"listen" doc:"Addresses on which sites are served."`
	Sites         []Site           `json:"sites"`
	Functions     []FunctionStatus `json:"functions"`
	Cache         CacheStatus      `json:"cache"`
	Memory        MemoryStatus     `json:"memory"`
}

// A Site is a site in the status.
type Site struct {
	Owner  string   `json:"owner"`
	Name   string   `json:"name"`
	Hosts  []string `json:"hosts"`
	Routes int      `json:"routes"`
}

// A FunctionStatus is a function in the status.
type FunctionStatus struct {
	Owner    string `json:"owner"`
	Name     string `json:"name"`
	Active   string `json:"active"`
	Disabled bool   `json:"disabled"`
}

// CacheStatus is what the cache holds, of all owners together.
type CacheStatus struct {
	Objects  int64  `json:"objects"`
	Bytes    int64  `json:"bytes"`
	Limit    int64  `json:"limit" doc:"Bytes that it may hold."`
	Fills    int    `json:"fills" doc:"Fetches under way."`
	Purges   int64  `json:"purges"`
	Sequence uint64 `json:"sequence" doc:"The number of the newest purge."`
	// Disk is what stands on disk.
	Disk *DiskStatus `json:"disk,omitempty" doc:"What stands on disk, absent if the cache is in memory only. What an earlier run left there has been read before this API answers."`
}

// DiskStatus is what the cache holds on disk, of all owners together. A response may stand there and in memory.
type DiskStatus struct {
	Objects    int64 `json:"objects"`
	Bytes      int64 `json:"bytes"`
	Limit      int64 `json:"limit" doc:"Bytes that it may hold."`
	IndexBytes int64 `json:"index_bytes" doc:"Memory of its index."`
	IndexLimit int64 `json:"index_limit" doc:"Memory that its index may take."`
	Faults     int64 `json:"faults" doc:"Failed reads and writes since the start; the node's log tells which."`
}

// MemoryStatus is what the process uses, in bytes.
type MemoryStatus struct {
	Limit int64 `json:"limit" doc:"The node's budget."`
	Heap  int64 `json:"heap"`
	Total int64 `json:"total"`
}

// Check answers /healthz and /readyz.
type Check struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty" doc:"Why not."`
}

// Duration is a time.Duration that JSON writes as text, as in "1m30s".
type Duration time.Duration

// MarshalText writes it as in "1m30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads such a text.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}
