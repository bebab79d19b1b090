package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/function"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// live are the functions that are loaded. One module with one set of settings
// is loaded once, however many routes bind it; a reload keeps what stays the
// same, and what a new table does not need any more is closed when the last
// exchange on the old one has ended.
//
// mu guards loaded. An entry's users counts the tables that hold it.
type live struct {
	host  *guest.Host
	store *function.Store

	mu     sync.Mutex
	loaded map[string]*loaded
}

// A loaded function is what a chain's binding calls.
type loaded struct {
	f     *guest.Function
	hash  string
	users int
}

// Hooks are the hooks that the module exports.
func (l *loaded) Hooks() exchange.HookSet { return l.f.Hooks() }

// Start takes an instance.
func (l *loaded) Start(x *exchange.Exchange) (hook.Run, error) {
	r, err := l.f.Start(x, time.Time{})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// A code is the bytes of a function's active version.
type code struct {
	module []byte
	hash   string
}

// codeOf finds what a function runs now: the file that the configuration
// names, or the active upload. No code and no error means that there is
// nothing to run yet, or that it is switched off.
func (v *live) codeOf(f *config.Function) (code, error) {
	stored, known := v.store.Named(string(f.Owner), string(f.Name))
	if known && stored.Disabled {
		return code{}, nil
	}
	if f.Module != "" {
		b, err := os.ReadFile(f.Module)
		if err != nil {
			return code{}, fmt.Errorf("function %s: %w", f.Name, err)
		}
		sum := sha256.Sum256(b)
		return code{b, hex.EncodeToString(sum[:])}, nil
	}
	if !known || stored.Active == "" {
		return code{}, nil
	}
	b, err := v.store.Code(string(f.Owner), string(f.Name), stored.Active)
	if err != nil {
		return code{}, err
	}
	return code{b, stored.Active}, nil
}

// spec is what the configuration says of a function at one binding.
func spec(owner config.Name, b *config.Binding, hash string) guest.Spec {
	s := guest.Spec{
		Owner: services.Owner(owner), Name: string(b.Name), Version: hash,
		Limits: limit.Limits{CPU: time.Duration(b.Limits.CPU), Wall: time.Duration(b.Limits.Wall), Memory: int64(b.Limits.Memory)},
		// The sandbox takes 0 for "as many as it likes"; the configuration has a number.
		Instances: b.Instances, Config: b.Config, Env: b.Env, MaxBody: int64(b.MaxBody),
	}
	if b.Limits.Fuel != config.Unlimited {
		s.Limits.Fuel = int64(b.Limits.Fuel)
	}
	if b.Isolation == config.IsolateInstance {
		s.Isolation = sandbox.PerInstance
	}
	for _, t := range b.Fetch {
		s.Fetch = append(s.Fetch, string(t))
	}
	if b.KV == nil {
		s.AllKV = true
	}
	for _, n := range b.KV {
		s.KV = append(s.KV, string(n))
	}
	for _, r := range b.Reads {
		switch r {
		case config.ReadsCookie:
			s.Reads.Cookie = true
		case config.ReadsAuthorization:
			s.Reads.Authorization = true
		}
	}
	if len(b.Secrets) > 0 {
		s.Secrets = map[string]guest.Secret{}
		for name, v := range b.Secrets {
			s.Secrets[name] = guest.Secret(v.Value.Reveal())
		}
	}
	return s
}

// identity names a module with its settings. A changed secret is another
// identity: a snapshot or a long-lived instance holds what it has read.
func identity(s guest.Spec) string {
	h := sha256.New()
	json.NewEncoder(h).Encode(struct {
		guest.Spec
		Secrets map[string][]byte
	}{s, reveal(s.Secrets)})
	return hex.EncodeToString(h.Sum(nil))
}

func reveal(secrets map[string]guest.Secret) map[string][]byte {
	m := map[string][]byte{}
	for k, v := range secrets {
		m[k] = v
	}
	return m
}

// load returns the loaded function of these settings, loading it if need be.
// Each call is matched by one drop.
func (v *live) load(ctx context.Context, c code, s guest.Spec) (*loaded, error) {
	key := identity(s)
	v.mu.Lock()
	if l := v.loaded[key]; l != nil {
		l.users++
		v.mu.Unlock()
		return l, nil
	}
	v.mu.Unlock()
	// Loading takes long; two that load the same are harmless, one of them is dropped.
	f, err := v.host.Load(ctx, c.module, s)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", s.Name, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if l := v.loaded[key]; l != nil {
		f.Close()
		l.users++
		return l, nil
	}
	l := &loaded{f: f, hash: c.hash, users: 1}
	v.loaded[key] = l
	return l, nil
}

// drop gives up functions that a table held. Runs that are under way end as
// they would have.
func (v *live) drop(held []*loaded) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range held {
		if l.users--; l.users > 0 {
			continue
		}
		for key, other := range v.loaded {
			if other == l {
				delete(v.loaded, key)
			}
		}
		l.f.Close()
	}
}

// all returns what is loaded under an owner and name; an empty name means every one.
func (v *live) all(owner, name string) (found []*guest.Function) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.loaded {
		if (owner == "" || string(l.f.Owner()) == owner) && (name == "" || l.f.Name() == name) {
			found = append(found, l.f)
		}
	}
	return found
}
