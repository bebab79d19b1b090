//go:build !wasip1

package wedgetest

import (
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	wedge "github.com/wedgecdn/wedge/sdk/go"
	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
	"github.com/wedgecdn/wedge/sdk/go/internal/restore"
)

// Node is what stands behind a function in a test: the settings of its binding, its stores, and what it wrote. The fields may be changed between hooks.
// Use New: the zero value has no stores.
type Node struct {
	// Settings of the binding.
	Config  map[string]string
	Secrets map[string]string
	MaxBody int // of bodies that are held as a whole; New makes it 1 MiB
	// ReadsAuthorization and ReadsCookie are the binding's "reads".
	ReadsAuthorization, ReadsCookie bool

	// Now is the time: that of the exchanges that are made from now on, and of stores and counters.
	Now time.Time

	// What the function did.
	Logs     []Line
	Counts   map[string]int64     // wedge.Count, by name
	Observed map[string][]float64 // wedge.Observe, by name
	Spans    []Span               // in the order in which they ended
	Purged   []Purge
	Denied   []string // functions of the ABI that were refused as not_allowed, such as "field_set"

	stores   map[string]*Store
	cache    map[string]cached
	counters map[counterKey]*window
	aside    map[string]time.Time
	origins  map[string]func(*FetchRequest) *FetchResponse
	hosts    map[string]func(*FetchRequest) *FetchResponse
	random   *rand.ChaCha8
	seeds    int64
	host     *host
}

// Line is a log line.
type Line struct {
	Level   wedge.Level
	Message string
	Fields  []Field
}

// String is level, message and fields in one line.
func (l Line) String() string {
	var b strings.Builder
	b.WriteString([...]string{"debug", "info", "warn", "error"}[l.Level] + " " + l.Message)
	for _, f := range l.Fields {
		b.WriteString(" " + f.Name + "=" + f.Value)
	}
	return b.String()
}

// Purge is a purge by tag.
type Purge struct {
	Tag  string
	Soft bool
}

// New makes a node and puts it behind package wedge until the test ends. Random numbers are the same in each run.
func New(t testing.TB) *Node {
	n := &Node{
		Config: map[string]string{}, Secrets: map[string]string{}, MaxBody: 1 << 20, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Counts: map[string]int64{}, Observed: map[string][]float64{},
		stores: map[string]*Store{}, cache: map[string]cached{}, counters: map[counterKey]*window{}, aside: map[string]time.Time{},
		origins: map[string]func(*FetchRequest) *FetchResponse{}, hosts: map[string]func(*FetchRequest) *FetchResponse{},
		random: rand.NewChaCha8([32]byte{}),
	}
	n.host = &host{node: n}
	before := raw.Use(n.host)
	t.Cleanup(func() { raw.Use(before) })
	return n
}

// Init runs f as the node runs a module's initialisation: outside of any exchange, where only configuration, secrets, log, clock and random work.
func (n *Node) Init(f func()) {
	x := n.host.x
	n.host.x = nil
	defer func() { n.host.x = x }()
	f()
}

// Reset has the functions run that were given to wedge.AfterReset, as the node does between two exchanges. It puts no variable back: the test does.
func (n *Node) Reset() { n.Init(restore.Restored) }

// Store is the store of that name, which the function may open from now on.
func (n *Node) Store(name string) *Store {
	s := n.stores[name]
	if s == nil {
		s = &Store{node: n, entries: map[string]entry{}}
		n.stores[name] = s
	}
	return s
}

// Origin lists an origin that the function's own requests may reach. A nil response is a failure of the network.
func (n *Node) Origin(name string, serve func(*FetchRequest) *FetchResponse) { n.origins[name] = serve }

// Host lists a host, as "https://id.example", that the function's own requests may reach.
func (n *Node) Host(base string, serve func(*FetchRequest) *FetchResponse) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		panic("wedgetest: a host is written as https://id.example, not " + base)
	}
	n.hosts[hostKey(u)] = serve
}

// LogText is all log lines, one below the other.
func (n *Node) LogText() string {
	var b strings.Builder
	for _, l := range n.Logs {
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}

// settings are the configuration in the order of the names.
func (n *Node) settings() (h Header) {
	for _, k := range slices.Sorted(maps.Keys(n.Config)) {
		h = append(h, Field{k, n.Config[k]})
	}
	return h
}
