package proxywasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

// Settings of a binding's config that have a meaning of their own. All others together, as a JSON object, are the plugin's
// configuration unless ConfigKey gives it whole.
const (
	ConfigKey   = "plugin_config"
	VMConfigKey = "vm_config"
	RootIDKey   = "plugin_root_id"
	VMIDKey     = "vm_id"
)

// rootID is the plugin's context in every instance.
const rootID = 1

// binding is a function with its settings.
type binding struct {
	o            adapter.Settings
	shared       *shared
	config, vm   string
	root, vmID   string
	version      string // of the ABI: 0.1.0
	hosts, named map[string]bool
	stores       map[string]bool
	denied       atomic.Int64
	streams      atomic.Uint32 // contexts so far
	callouts     atomic.Uint32 // so far
	left         atomic.Int32  // callouts whose streams are over
	account      *account      // of the owner's callouts
	life         context.Context
	end          context.CancelFunc
	wasi         wasi.State

	mu     sync.Mutex
	period time.Duration // between two ticks, as set while an instance was made
	served *root         // nil until it is needed
	closed bool
}

// Bind satisfies adapter.ABI.
func (a *ABI) Bind(o adapter.Settings) (adapter.Binding, error) {
	b := &binding{o: o, shared: a.shared, hosts: map[string]bool{}, named: map[string]bool{}, stores: map[string]bool{}}
	if b.o.MaxBody <= 0 {
		b.o.MaxBody = adapter.DefaultMaxBody
	}
	b.life, b.end = context.WithCancel(context.Background())
	_, b.version, _ = strings.Cut(o.Facts.ABI, "/")
	rest := maps.Clone(o.Config)
	take := func(key string) string {
		v := rest[key]
		delete(rest, key)
		return v
	}
	b.root, b.vmID, b.vm = take(RootIDKey), take(VMIDKey), take(VMConfigKey)
	if c, whole := rest[ConfigKey]; whole {
		b.config = c
	} else if len(rest) > 0 {
		text, err := json.Marshal(rest)
		if err != nil {
			return nil, fmt.Errorf("config as JSON: %w", err)
		}
		b.config = string(text)
	}
	for _, f := range o.Fetch {
		if u, err := url.Parse(f); err == nil && u.Host != "" {
			b.hosts[strings.ToLower(u.Scheme+"://"+u.Host)] = true
		} else {
			b.named[f] = true
		}
	}
	for _, s := range o.KV {
		b.stores[s] = true
	}
	b.wasi.Environ, b.wasi.Args, b.wasi.Fixed = o.Environ, []string{o.Name}, o.Fixed
	b.wasi.Begin(time.Now())
	b.account = a.shared.account(o.Owner)
	return b, nil
}

func (b *binding) Outside() any                { return b.session() }
func (b *binding) NewSession() adapter.Session { return b.session() }
func (b *binding) Denied() int64               { return b.denied.Load() }

func (b *binding) session() *session {
	s := &session{b: b, wasi: b.wasi}
	s.stage.MaxBody = b.o.MaxBody
	s.wasi.Line = s.line
	return s
}

// Prepare starts the plugin in a new instance, as a proxy does in each of its threads.
//
// "`main` … is called only if `_initialize` is also exported." "`_start` … is called only if `_initialize` is not exported."
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#integration
func (b *binding) Prepare(ctx context.Context, i adapter.Instance, outside any) error {
	s, mine := outside.(*session)
	if !mine {
		return errors.New("BUG: proxywasm: the state of an instance is another's")
	}
	s.i, s.effective, s.starting = i, rootID, true
	defer func() { s.starting = false }()
	switch {
	case !i.Has("_initialize") && i.Has("_start"):
		if _, err := i.Call(ctx, "_start"); err != nil {
			return err
		}
	case i.Has("_initialize") && i.Has("main"):
		if _, err := i.Call(ctx, "main", 0, 0); err != nil {
			return err
		}
	}
	if i.Has(contextCreate) {
		if _, err := i.Call(ctx, contextCreate, rootID, 0); err != nil {
			return err
		}
	}
	for _, c := range [...]struct{ export, conf, what string }{{onVMStart, b.vm, VMConfigKey}, {onConfigure, b.config, ConfigKey}} {
		if !i.Has(c.export) {
			continue
		}
		out, err := i.Call(ctx, c.export, rootID, uint64(len(c.conf)))
		if err != nil {
			return err
		}
		if uint32(out[0]) == 0 {
			return fmt.Errorf("%s returned false: the filter does not accept its configuration (%s)", c.export, c.what)
		}
	}
	b.need(s)
	return nil
}
