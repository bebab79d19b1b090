package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/encode"
	"github.com/wedgecdn/wedge/edge/function"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// live are the functions that are loaded. One module with one set of settings
// is loaded once, however many routes bind it; a reload keeps what stays the
// same, and what a new table does not need any more is closed when the last
// exchange on the old one has ended.
//
// mu guards loaded, waiting and the users of its entries. An entry's users
// counts the tables that hold it.
type live struct {
	host *guest.Host
	// shadows is the host of what runs on copies: its services change nothing.
	shadows *guest.Host
	// records says whether exchanges are written down.
	records *recorder
	store   *function.Store
	// later tells that load only reads modules: begin compiles them, behind the
	// open listeners, but for the first, which begins at once. It is true until the
	// first table is built.
	later bool
	// failed is told of functions that could not be loaded behind listeners.
	failed func(l *loaded, err error)
	// encoded is told of what routes compress.
	encoded func(encode.Made)
	ctx     context.Context // of loading behind listeners
	stop    context.CancelFunc
	work    sync.WaitGroup // goroutines that load or close

	// watches are the canaries whose calls are counted; nil while there are none.
	// It is swapped whole, under the node's mu. broken has an element when one of
	// their budgets is spent.
	watches atomic.Pointer[map[watchKey]*tallied]
	broken  chan struct{}
	// copies are what shadows are to run on, and tallies what came of it, by the
	// shadow; mu guards tallies.
	copies  *copyQueue
	tallies map[watchKey]*shadowTally

	mu      sync.Mutex
	loaded  map[string]*loaded
	waiting []*loaded // for begin, in the order of the configuration
}

// A loaded function is what a chain's binding calls.
//
// States: awaiting, while its module compiles; then, when ready is closed, it has
// either f or err, for ever.
type loaded struct {
	info  guest.Info
	owner string
	name  string
	hash  string
	users int
	// shadow tells that it runs on copies only: what it spends is nobody's.
	shadow bool

	once  sync.Once
	bring func() (*guest.Function, error) // loads it; whoever needs it first does
	work  *sync.WaitGroup                 // of its live
	miss  func(*loaded)                   // is told when an exchange gets no instance
	// records says whether an exchange is written down.
	records *recorder
	ready   chan struct{}
	f       *guest.Function
	err     error
}

// load brings l out of awaiting, or waits for who does.
func (l *loaded) load() {
	l.once.Do(func() {
		l.f, l.err = l.bring()
		l.bring = nil // with the module's bytes
		close(l.ready)
	})
}

// Hooks are the hooks that the module exports.
func (l *loaded) Hooks() exchange.HookSet { return l.info.Hooks }

// patience is how long an exchange waits for a function that is still being
// compiled: as long as compiling takes on a machine that is not overloaded.
const patience = 30 * time.Second

// Start takes an instance. While the node starts it may have to wait for the
// function's module, and for that alone.
func (l *loaded) Start(x *exchange.Exchange) (hook.Run, error) {
	if err := l.await(); err != nil {
		l.missed(err)
		return nil, &exchange.Error{Source: exchange.SourceNode, Op: "function " + l.name, Reason: exchange.ReasonFunctionUnavailable, Err: err}
	}
	if now := l.records.of(l.owner); now != nil && !l.shadow {
		if r := now.start(l.f, x); r != nil {
			return r, nil
		}
	}
	r, err := l.f.Start(x, time.Time{})
	if err != nil {
		l.missed(err)
		return nil, err
	}
	return r, nil
}

// Answer has a handler answer.
func (l *loaded) Answer(x *exchange.Exchange) error {
	if err := l.await(); err != nil {
		l.missed(err)
		return &exchange.Error{Source: exchange.SourceNode, Op: "function " + l.name, Reason: exchange.ReasonFunctionUnavailable, Err: err}
	}
	err := l.f.Answer(x, time.Time{})
	if err != nil {
		if exchange.ReasonOf(err, exchange.ReasonFunctionTrap) == exchange.ReasonFunctionUnavailable {
			l.missed(err) // without an instance there was no call to be told of
		}
	}
	return err
}

// missed tells of an exchange that got no instance because none can be made. Where there was none in time the node was
// busy, which says nothing of the version. The copies that a shadow misses are not a canary's, though both may be of one version.
func (l *loaded) missed(err error) {
	busy := errors.Is(err, errCompiling) || exchange.ReasonOf(err, exchange.ReasonFunctionUnavailable) == exchange.ReasonNoInstance
	if !l.shadow && !busy {
		l.miss(l)
	}
}

// errCompiling says that a module was still being compiled when patience ended.
var errCompiling = fmt.Errorf("its module was not compiled within %s", patience)

func (l *loaded) await() error {
	select {
	case <-l.ready: // Fast path: all but always
		return l.err
	default:
	}
	l.work.Go(l.load) // it may stand far behind in the queue
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-l.ready:
		return l.err
	case <-timer.C:
		return errCompiling
	}
}

// A code is the bytes of a version of a function.
type code struct {
	module []byte
	hash   string
}

// runs is what a function runs. No module means that there is nothing to run
// yet, or that it is switched off.
type runs struct {
	active code
	// trial is the version that some exchanges get; nil if there is none.
	trial *trial
	// shadow is the version that runs on copies of exchanges; nil if there is none.
	shadow *shadowed
}

// A shadowed version is the shadow of the active one.
type shadowed struct {
	code
	function.Shadow
}

// A trial is a version that is tried out beside the active one.
type trial struct {
	code
	function.Canary
}

// runsOf finds what a function runs now: the file that the configuration names,
// or the active upload, and the canary beside it. with, if it concerns the
// function, says what it shall run instead.
func (v *live) runsOf(f *config.Function, with *override) (r runs, err error) {
	owner, name := string(f.Owner), string(f.Name)
	stored, known := v.store.Named(owner, name)
	read := v.store.Code
	if with.concerns(f) {
		stored, known, read = with.stored, true, func(owner, name, hash string) ([]byte, error) {
			if hash == with.code.hash {
				return with.code.module, nil
			}
			return v.store.Code(owner, name, hash)
		}
	}
	if known && stored.Disabled {
		return runs{}, nil
	}
	if f.Module != "" {
		b, err := os.ReadFile(f.Module)
		if err != nil {
			return runs{}, fmt.Errorf("function %s: %w", f.Name, err)
		}
		sum := sha256.Sum256(b)
		return runs{active: code{b, hex.EncodeToString(sum[:])}}, nil
	}
	if !known || stored.Active == "" {
		return runs{}, nil
	}
	b, err := read(owner, name, stored.Active)
	if err != nil {
		return runs{}, err
	}
	r.active = code{b, stored.Active}
	if c := stored.Canary; c != nil {
		if b, err = read(owner, name, c.Version); err != nil {
			return runs{}, err
		}
		r.trial = &trial{code{b, c.Version}, *c}
	}
	if sh := stored.Shadow; sh != nil {
		if b, err = read(owner, name, sh.Version); err != nil {
			return runs{}, err
		}
		r.shadow = &shadowed{code{b, sh.Version}, *sh}
	}
	return r, nil
}

// spec is what the configuration says of a function at one binding; most is what the memory of an instance is bounded by.
func spec(most config.Size, owner config.Name, b *config.Binding, hash string) guest.Spec {
	s := guest.Spec{
		Owner: services.Owner(owner), Name: string(b.Name), Version: hash,
		Limits: limit.Limits{CPU: time.Duration(b.Limits.CPU), Wall: time.Duration(b.Limits.Wall), Memory: int64(b.Limits.Memory), HostCalls: int64(b.Limits.HostCalls)},
		// The sandbox takes 0 for "as many as it likes"; the configuration has a number.
		Instances: b.Instances, Config: b.Config, Env: b.Env, MaxBody: int64(b.MaxBody),
	}
	if b.Limits.Fuel != config.Unlimited {
		s.Limits.Fuel = int64(b.Limits.Fuel)
	}
	if b.Limits.Memory == config.Auto {
		s.Limits.Memory = 0 // what is usual for its kind
		if most != config.Unlimited {
			s.MostMemory = int64(most)
		}
	}
	switch b.Isolation {
	case config.IsolateInstance:
		s.Isolation = new(sandbox.PerInstance)
	case config.IsolateRequest:
		s.Isolation = new(sandbox.PerExchange)
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
//
// A function that could not be loaded when the node started is tried again, and
// stays as it is if that fails too: else nothing else could be changed any
// more. For one that is to be changed, which fresh says, it is an error.
func (v *live) load(ctx context.Context, c code, s guest.Spec, fresh bool) (*loaded, error) {
	return v.loadOn(ctx, v.host, identity(s), c, s, fresh)
}

// loadOn is load on a host, under a name that no other host's function has.
func (v *live) loadOn(ctx context.Context, host *guest.Host, key string, c code, s guest.Spec, fresh bool) (*loaded, error) {
	v.mu.Lock()
	known := v.loaded[key]
	if known != nil && v.later {
		known.users++
		v.mu.Unlock()
		return known, nil
	}
	v.mu.Unlock()
	if v.later {
		return v.await(host, key, c, s)
	}
	if known != nil {
		known.load()
		if known.err == nil || !fresh && permanent(known.err) {
			v.mu.Lock()
			defer v.mu.Unlock()
			if v.loaded[key] == known { // else its last table has gone meanwhile
				known.users++
				return known, nil
			}
		}
	}
	// Loading takes long; two that load the same are harmless, one of them is dropped.
	f, err := host.Load(ctx, c.module, s)
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.loaded[key]
	switch {
	case err != nil && l != nil && l == known && !fresh:
		l.users++
		return l, nil
	case err != nil:
		return nil, fmt.Errorf("function %s: %w", s.Name, err)
	case l != nil && l != known:
		f.Close()
		l.users++
		return l, nil
	}
	// One that had failed is replaced; the tables that hold it keep it.
	l = &loaded{info: f.Info(), owner: string(s.Owner), name: s.Name, hash: c.hash, users: 1, shadow: host == v.shadows, miss: v.missed, records: v.records, ready: make(chan struct{}), bring: func() (*guest.Function, error) { return f, nil }}
	l.load()
	v.loaded[key] = l
	return l, nil
}

// permanent tells whether a module that was refused will be refused again.
func permanent(err error) bool {
	_, ok := errors.AsType[*engine.Refused](err)
	return ok
}

// await returns a function that is loaded later.
func (v *live) await(host *guest.Host, key string, c code, s guest.Spec) (*loaded, error) {
	info, err := host.Describe(c.module)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", s.Name, err)
	}
	l := &loaded{info: info, owner: string(s.Owner), name: s.Name, hash: c.hash, users: 1, shadow: host == v.shadows, work: &v.work, miss: v.missed, records: v.records, ready: make(chan struct{})}
	l.bring = func() (*guest.Function, error) {
		f, err := host.Load(v.ctx, c.module, s)
		if err != nil && v.ctx.Err() == nil {
			v.failed(l, err)
		}
		return f, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.loaded[key] = l
	v.waiting = append(v.waiting, l)
	if len(v.waiting) == 1 {
		v.work.Go(l.load) // nobody waits for it yet, but the other processors have nothing to do
	}
	return l, nil
}

// begin loads what waits to be loaded, one function after the other, and
// returns when all of them are or the node ends.
func (v *live) begin() (n int) {
	v.mu.Lock()
	waiting := v.waiting
	v.waiting = nil
	v.mu.Unlock()
	for _, l := range waiting {
		if v.ctx.Err() == nil {
			l.load()
			n++
		}
	}
	return n
}

// close ends loading, and waits for what is under way.
func (v *live) close() {
	v.stop()
	v.work.Wait()
}

// drop gives up functions that a table held. Runs that are under way end as
// they would have. Those that nobody holds any more are closed when it returns,
// or, if they are being loaded, by a goroutine for which close waits.
func (v *live) drop(held []*loaded) {
	// Closing waits for what rests between its requests: not under mu, for which reloads and what operators ask wait.
	for _, l := range v.release(held) {
		l.close()
	}
}

// release takes a table off the users of what it held, and returns what has none
// any more. Nobody finds that again.
func (v *live) release(held []*loaded) (unused []*loaded) {
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
		unused = append(unused, l)
	}
	return unused
}

// all returns what is loaded, and runs, under an owner and name; an empty name means every one.
func (v *live) all(owner, name string) (found []*guest.Function) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.loaded {
		select {
		case <-l.ready:
		default:
			continue
		}
		if l.f != nil && !l.shadow && (owner == "" || l.owner == owner) && (name == "" || l.name == name) {
			found = append(found, l.f)
		}
	}
	return found
}

// close closes the function. One that is being loaded is closed when it is; one
// that nobody needed is not loaded any more.
func (l *loaded) close() {
	select {
	case <-l.ready:
		if l.f != nil {
			l.f.Close()
		}
		return
	default:
	}
	l.work.Go(func() {
		l.once.Do(func() {
			l.err = errDropped
			close(l.ready)
		})
		if l.f != nil {
			l.f.Close()
		}
	})
}

var errDropped = errors.New("no configuration that is in force uses it")
