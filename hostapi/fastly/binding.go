package fastly

import (
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// leastBody is how much a program's bodies may hold at once, what it has written and nobody has taken yet, where max_body
// does not say more: programs answer with whole pages.
const leastBody = 32 << 20

// Binding is a function with its settings. It never changes but for the lookups that it collapses.
//
// Config has config stores, dictionaries and ACLs: the item KEY of the store NAME is the value "NAME.KEY", the ACL NAME is
// the value "acl.NAME", in JSON. A backend or KV store whose name is none that an origin or a store can have (the vendor's
// have capitals) is the origin in the value "backend.NAME", which may have a path behind it ("origin/path"), the store in "kv.NAME". Secrets has secret stores, in the same way. Fetch has the backends: the names of origins,
// and the hosts for which dynamic ones may be made.
type Binding struct {
	o       adapter.Settings
	wasi    wasi.State      // where each session's begins, so that all of them have one clock
	hosts   map[string]bool // as hostKey has them
	origins map[string]bool
	stores  map[string]bool
	flights flights
	inserts inserts
	hits    hits
	// patience is how long a guest waits for whoever reads what it writes, without any progress, on nobody's time.
	patience time.Duration
	outside  *turn // of programs that have not begun
	denied   atomic.Int64
}

// NewBinding takes the options over; they must not be changed afterwards.
func NewBinding(o adapter.Settings) *Binding {
	o.MaxBody = max(o.MaxBody, leastBody)
	if o.Services == nil {
		o.Services = new(services.Services)
	}
	b := &Binding{o: o, patience: time.Minute, hosts: map[string]bool{}, origins: map[string]bool{}, stores: map[string]bool{}}
	b.outside = between(b)
	b.wasi.Environ, b.wasi.Args = o.Environ, append([]string{o.Name}, o.Args...)
	b.wasi.Begin(time.Now())
	for _, f := range o.Fetch {
		if u, err := url.Parse(f); err == nil && u.Host != "" {
			b.hosts[hostKey(u.Scheme, u.Host)] = true
		} else {
			b.origins[f] = true
		}
	}
	for _, s := range o.KV {
		b.stores[s] = true
	}
	return b
}

// hostKey is scheme and authority in one form, with the port.
func hostKey(scheme, authority string) string {
	u := url.URL{Host: authority}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port
}
