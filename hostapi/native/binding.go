package native

import (
	"encoding/binary"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// Secret is a value that is never printed.
type Secret = adapter.Secret

// Reads are the fields that a binding may read on the origin's side, where
// they are hidden by default because what is fetched may be shared.
type Reads = adapter.Reads

// Options are what the operator gave a function.
type Options struct {
	Owner         services.Owner
	Name, Version string
	Config        map[string]string
	Secrets       map[string]Secret
	// Environ are "KEY=value" pairs for WASI.
	Environ []string
	// Fetch lists what the guest's own requests may reach: names of origins, and
	// hosts as "https://id.example", with a port if it is not the scheme's own.
	Fetch []string
	// KV lists the stores it may open.
	KV []string
	// AllKV lets it open every store of its owner.
	AllKV bool
	// MaxBody is the most of a body held at once; 0 is adapter.DefaultMaxBody.
	MaxBody int64
	Reads   Reads
	// Fixed gives the guest the same random bytes and the same times in each exchange, to measure what it costs. It is for no
	// node: what is to be unknown to others would be known to all.
	Fixed bool
	// World takes the place of randomness and time; nil is the world as it is.
	World    *adapter.World
	Services *services.Services
}

// Binding is a function with its settings. It is made by NewBinding and, but
// for the names of metrics and the count of refused calls, never changes.
type Binding struct {
	o       Options
	pairs   []byte // of config, in the list's encoding
	hosts   map[string]bool
	origins map[string]bool
	stores  map[string]bool
	metrics names
	denied  atomic.Int64
	// wasi is where each session's state begins, so that all of them have one
	// monotonic clock: an instance sees several sessions in its life.
	wasi wasi.State
}

// NewBinding takes the options over; they must not be changed afterwards.
func NewBinding(o Options) *Binding {
	if o.MaxBody <= 0 {
		o.MaxBody = adapter.DefaultMaxBody
	}
	if o.Services == nil {
		o.Services = new(services.Services)
	}
	b := &Binding{o: o, hosts: map[string]bool{}, origins: map[string]bool{}, stores: map[string]bool{}}
	b.wasi.Environ, b.wasi.Args = o.Environ, []string{o.Name}
	b.wasi.Begin(time.Now())
	if o.Fixed {
		b.wasi.Fixed, b.wasi.Random = true, fixedBytes
		b.wasi.Begin(fixedTime)
	}
	if w := o.World; w != nil {
		b.wasi.Random, b.wasi.Look = w.Random, w.Look
	}
	for _, k := range slices.Sorted(maps.Keys(o.Config)) {
		b.pairs = appendPair(b.pairs, k, o.Config[k])
	}
	for _, f := range o.Fetch {
		if u, err := url.Parse(f); err == nil && u.Host != "" {
			b.hosts[hostKey(u)] = true
		} else {
			b.origins[f] = true
		}
	}
	for _, s := range o.KV {
		b.stores[s] = true
	}
	return b
}

// Denied is how many calls the permissions refused so far.
func (b *Binding) Denied() int64 { return b.denied.Load() }

// hostKey is scheme, host and port of a URL in one form.
func hostKey(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port
}

// maxMetrics bounds the metrics that one function can make up.
const maxMetrics = 64

// names is the set of metrics that a function has used.
type names struct {
	mu  sync.Mutex
	set map[string]bool // at most maxMetrics
}

// admit tells whether name may be used, and remembers it. It returns the
// string that was kept, so that a caller does not keep guest memory.
func (n *names) admit(name string) abi.Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.set[name] {
		return abi.StatusOK
	}
	if len(n.set) >= maxMetrics {
		return abi.StatusLimit
	}
	if n.set == nil {
		n.set = map[string]bool{}
	}
	n.set[strings.Clone(name)] = true
	return abi.StatusOK
}

func appendPair(b []byte, name, value string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(name)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	return append(append(b, name...), value...)
}
