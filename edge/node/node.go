package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/front/h1"
	"github.com/wedgecdn/wedge/edge/function"
	"github.com/wedgecdn/wedge/edge/kv"
	"github.com/wedgecdn/wedge/edge/listen"
	"github.com/wedgecdn/wedge/edge/observe"
	"github.com/wedgecdn/wedge/edge/origin"
	"github.com/wedgecdn/wedge/edge/pipeline"
	"github.com/wedgecdn/wedge/edge/place"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Options are what a node needs beside its configuration.
type Options struct {
	// Version is the binary's, for /metrics and the API.
	Version string
	// Stdout takes the access log if that is "-"; Stderr the operator's log.
	Stdout, Stderr io.Writer
	// Compiler compiles a metered module in another process, see
	// engine.ChildCompiler. Nil compiles in this one, which a hostile module can
	// stall: for tests and demos only.
	Compiler func(ctx context.Context, wasmPath, cacheDir string) error
	// ConfigFile is the file that the configuration came from, which the API may
	// replace; "" if there is none.
	ConfigFile string
	// CompileCache is the folder for compiled code; "" is one in the data folder.
	CompileCache string
	// UncheckedDisk compares no checksums of the cache on disk: for tests that
	// must then find wrong bytes.
	UncheckedDisk bool
	// Tester holds modules against conversations; nil refuses to.
	Tester Tester
	// Local is set for a node on a developer's machine that only one program, or function, is tried on.
	Local *Local
}

// A Node is one running node.
//
// States: made (New), serving (Start), draining (Shutdown), over. mu orders
// reloads and deploys: one at a time builds a table and swaps it.
type Node struct {
	o       Options
	data    *data
	log     *slog.Logger
	name    string
	started time.Time

	engine    *engine.Engine
	live      *live
	functions *function.Store
	kv        *kv.DB
	cache     *cache.Cache
	debug     debugKey
	origins   *origin.Upstreams
	pipeline  *pipeline.Pipeline
	front     *h1.Front
	room      *sandbox.Room
	observer  *observe.Observer
	recorder  recorder

	trusted  atomic.Pointer[[]netip.Prefix]
	places   atomic.Pointer[place.Places]
	owners   atomic.Pointer[map[string]bool] // who has sites, and the default one
	draining atomic.Bool
	testing  *turns       // of versions that are tested
	asked    atomic.Int64 // requests that shadows would have sent
	loading  atomic.Bool  // functions of the first table are being compiled

	mu     sync.Mutex
	config *config.Config
	table  *table

	http   *listen.Listener
	ops    net.Listener // the operators' API
	closed chan struct{}
	serves sync.WaitGroup
	// retiring are old tables on which exchanges still run.
	retiring sync.WaitGroup
	api      *admin.Server
}

// New makes a node of a checked configuration: it takes the data folder, opens
// the stores, reads every function that is bound. It serves nothing yet, and
// waits for no function to compile: that comes behind the open listeners, see Start. The
// configuration belongs to the node from now on.
func New(c *config.Config, o Options) (_ *Node, err error) {
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	if o.Stderr == nil {
		o.Stderr = io.Discard
	}
	n := &Node{o: o, config: c, closed: make(chan struct{}), testing: newTurns(testPlaces), log: slog.New(slog.NewTextHandler(o.Stderr, nil)), name: nodeName()}
	defer func() {
		if err != nil {
			n.close(true)
		}
	}()
	if err := config.LoadSecrets(c); err != nil {
		return nil, err
	}
	places, err := place.Open(c.Places)
	if err != nil {
		return nil, err
	}
	n.places.Store(places)
	if n.data, err = openData(c.Data); err != nil {
		return nil, err
	}
	if err := n.openStores(); err != nil {
		return nil, err
	}
	if err := n.openObserver(c); err != nil {
		return nil, err
	}
	if err := n.openRooms(c); err != nil {
		return nil, err
	}
	guests := n.guests(c)
	n.live = &live{host: guest.New(guests), records: &n.recorder, shadows: shadowHost(guests, &n.asked), copies: newCopyQueue(), tallies: map[watchKey]*shadowTally{}, store: n.functions, loaded: map[string]*loaded{}, later: true, broken: make(chan struct{}, 1), failed: n.notLoaded, encoded: encoded(n.observer.Metrics)}
	n.observer.Metrics.Functions(n.live.functionNumbers)
	n.live.ctx, n.live.stop = context.WithCancel(context.Background())
	if err := n.apply(context.Background(), c, nil, nil); err != nil {
		return nil, err
	}
	n.live.later = false
	if err := n.openAdmin(c); err != nil {
		return nil, err
	}
	return n, nil
}

// nodeName is this node's name to others. CDN-Loop needs one that no other
// node has, and nobody has to choose it.
func nodeName() string {
	var b [4]byte
	rand.Read(b[:])
	return "wedge-" + hex.EncodeToString(b[:])
}

func (n *Node) openStores() (err error) {
	dir, err := n.data.folder("functions")
	if err != nil {
		return err
	}
	if n.functions, err = function.Open(dir, 0); err != nil {
		return err
	}
	if n.debug, err = openDebugKey(n.data.file("debug.key")); err != nil {
		return err
	}
	n.kv, err = kv.Open(n.data.file("kv.db"), kv.Options{Now: n.o.Local.now()})
	return err
}

func (n *Node) openObserver(c *config.Config) error {
	access, err := observe.OpenAccessLog(c.AccessLog.File, n.o.Stdout)
	if err != nil {
		return err
	}
	n.observer = &observe.Observer{Access: access, Metrics: observe.NewMetrics(n.o.Version), Functions: &observe.FunctionLogs{}, Log: n.log}
	n.observer.Failures = observe.NewFailures(n.observer.FailureTold)
	return nil
}

// openRooms makes the rooms that requests pass.
func (n *Node) openRooms(c *config.Config) (err error) {
	m := n.observer.Metrics
	evictedAge := m.Durations("cache_evicted_age_seconds", "Age of stored responses when they made room for others.", true)
	purgeTime := m.Durations("cache_purge_seconds", "Time that purges took.", false)
	disk := cache.Disk{Size: int64(c.Cache.Disk), Unchecked: n.o.UncheckedDisk}
	if disk.Size > 0 {
		if disk.Folder, err = n.data.folder("cache"); err != nil {
			return err
		}
	} else if err := os.RemoveAll(n.data.file("cache")); err != nil {
		// What it holds would miss the purges from now on, and be found again.
		return fmt.Errorf("cache.disk is 0, and what an earlier run stored on disk cannot be removed: %w", err)
	}
	diskAge := m.Durations("cache_disk_evicted_age_seconds", "Age of files of the cache on disk when they made room for others.", true)
	began := time.Now()
	var faulted atomic.Int64 // when a fault was logged, in seconds
	var crowded atomic.Int64 // when a full index was, in minutes
	n.cache, err = cache.New(cache.Options{Memory: int64(c.Cache.Memory), ObjectSize: int64(c.Cache.ObjectSize), Disk: disk, Now: n.o.Local.now(), Events: cache.Events{
		FromDisk: func() { m.Event("cache_from_disk") },
		Loading: func(files, all int) {
			if files%16 == 0 || files == all {
				n.log.Info("reading the cache on disk", "files", files, "of", all)
			}
		},
		DiskEvicted: func(_ int, _ int64, age time.Duration) { m.Event("cache_disk_evicted"); diskAge(age) },
		DiskIndexFull: func() {
			m.Event("cache_disk_index_full")
			if now := time.Now().Unix() / 60; crowded.Swap(now) != now {
				n.log.Warn("the cache on disk gives up its oldest responses although there is space: cache.memory has no room for an index of more; raise it", "responses", n.cache.Stats().Disk.Objects)
			}
		},
		DiskFault: func(err error) {
			m.Event("cache_disk_fault")
			// A disk that fails fails often; the metric counts, the log says what.
			if now := time.Now().Unix(); faulted.Swap(now) != now {
				n.log.Warn("the cache on disk goes on without what failed", "error", err)
			}
		},
		Stored:    func(int64) { m.Event("cache_stored") },
		Evicted:   func(age time.Duration) { m.Event("cache_evicted"); evictedAge(age) },
		LostChunk: func() { m.Event("cache_lost_chunk") },
		Purged:    func(_ cache.PurgeRequest, took time.Duration) { m.Event("cache_purged"); purgeTime(took) },
		Collapsed: func() { m.Event("cache_collapsed") },
	}})
	if err != nil {
		return err
	}
	if disk.Size > 0 {
		s := n.cache.Stats().Disk
		n.log.Info("the cache on disk is ready", "responses", s.Objects, "bytes", s.Bytes, "took", time.Since(began).Round(time.Millisecond))
		if most, average := n.cache.Indexable(); average > smallResponses {
			n.log.Info("the index of the cache on disk is small for its size: shorter responses than the average that fills it leave space unused; raise cache.memory to find more", "responses", most, "average", config.Size(average).String())
		}
	}
	measureCache(m, n.cache.Stats, disk.Size > 0)
	m.Gauge("access_log_dropped_total", "Lines of the access log that were lost.", func() float64 { return float64(n.observer.Access.Dropped()) })
	n.openRoom(c)
	n.origins = origin.New(origin.Options{Node: n.name, OwnAddrs: n.ownAddrs(c)})
	n.pipeline = pipeline.New(pipeline.Options{Cache: n.cache, Origins: n.origins, Events: recordedEvents{n.o.Local.watched(n.observer), &n.recorder}, Node: n.name, Trusted: n.isTrusted, Debug: n.debug.opens, Now: n.o.Local.now(), Looked: n.o.Local.looked()})
	n.front = h1.New(n.o.Local.front(n.pipeline), h1.Options{
		HeaderSize: int(c.HTTP.HeaderSize), HeaderCount: c.HTTP.HeaderCount, BodySize: int64(c.HTTP.BodySize),
		HeaderTimeout: time.Duration(c.HTTP.HeaderTimeout), BodyTimeout: time.Duration(c.HTTP.BodyTimeout),
		WriteTimeout: time.Duration(c.HTTP.WriteTimeout), IdleTimeout: time.Duration(c.HTTP.IdleTimeout), Connections: c.HTTP.Connections,
		Take: func() bool { return n.room.Take(connectionBytes) }, Give: func() { n.room.Give(connectionBytes) },
		Events: h1.Events{
			Panic: n.observer.Bug,
			FieldDropped: func(x *exchange.Exchange, name string) {
				m.Event("response_field_dropped")
			},
			Refused: func(string) { m.Event("connection_refused") },
		},
	})
	m.Gauge("connections", "Open connections of clients.", func() float64 { return float64(n.front.Open()) })
	compiled := n.o.CompileCache
	if compiled == "" {
		if compiled, err = n.data.folder("compiled"); err != nil {
			return err
		}
	}
	n.engine, err = engine.New(engine.Options{Host: guest.HostFuncs(), CacheDir: compiled, Compiler: n.o.Compiler})
	if err != nil {
		return err
	}
	return nil
}

// smallResponses is the average length of responses from which on it is worth a
// word that shorter ones would not fill the disk, in bytes.
const smallResponses = 32 << 10

// ownAddrs are the addresses that functions' own requests must not reach.
func (n *Node) ownAddrs(c *config.Config) (own []netip.AddrPort) {
	for _, a := range []config.Address{c.Listen.HTTP, c.Admin.Listen} {
		host, _, err := net.SplitHostPort(string(a))
		if err != nil {
			continue
		}
		ip, err := netip.ParseAddr(host)
		if err != nil {
			ip = netip.IPv6Unspecified()
		}
		own = append(own, netip.AddrPortFrom(ip, uint16(a.Port())))
	}
	return own
}

// isTrusted tells whether a peer's word about whom it speaks for is taken.
func (n *Node) isTrusted(x *exchange.Exchange) bool {
	for _, p := range *n.trusted.Load() {
		if p.Contains(x.Client.PeerAddr.Unmap()) {
			return true
		}
	}
	return false
}

// apply builds everything that a configuration says of requests and swaps it
// in. If it fails nothing has changed. Exchanges that are under way finish on
// what they began with.
//
// with is what one function shall run from now on, and commit makes that last:
// it is called when everything has been built, and can still stop it. Both may
// be nil. Preconditions: n.mu is held, or nobody else has n.
func (n *Node) apply(ctx context.Context, c *config.Config, with *override, commit func() error) error {
	t, err := n.live.build(ctx, c, with)
	if err != nil {
		return err
	}
	if commit != nil {
		if err := commit(); err != nil {
			n.live.drop(t.held)
			return err
		}
	}
	if err := n.origins.SetPools(pools(c)); err != nil {
		n.live.drop(t.held)
		return err
	}
	n.trusted.Store(&c.TrustedProxies)
	owners := map[string]bool{string(config.DefaultOwner): true}
	for i := range c.Sites {
		owners[string(c.Sites[i].Owner)] = true
	}
	n.owners.Store(&owners)
	n.live.watch()
	for _, o := range t.without {
		n.log.Warn("a version is not tried on a route: the stable one runs", "owner", o.owner, "site", o.site, "route", o.route, "function", o.function, "version", short(o.version), "error", o.err)
	}
	unused := n.pipeline.SetTable(t.routes)
	old := n.table
	n.table, n.config = t, c
	if old != nil {
		n.retiring.Go(func() {
			<-unused // exchanges finish on the table that they began with
			n.live.drop(old.held)
		})
		n.observer.Metrics.Forget(
			func(owner, site string) bool { return hasSite(c, owner, site) },
			func(owner, name string) bool { return hasFunction(c, owner, name) })
		n.observer.Failures.Forget(func(owner, name string) bool { return hasFunction(c, owner, name) })
	}
	return nil
}

func hasFunction(c *config.Config, owner, name string) bool {
	return c.Function(config.Name(owner), config.Name(name)) != nil
}

func hasSite(c *config.Config, owner, name string) bool {
	for i := range c.Sites {
		if string(c.Sites[i].Owner) == owner && string(c.Sites[i].Name) == name {
			return true
		}
	}
	return false
}

// pools are the origins of a configuration.
func pools(c *config.Config) (all []origin.Pool) {
	for i := range c.Origins {
		o := &c.Origins[i]
		p := origin.Pool{Owner: string(o.Owner), Name: string(o.Name), Settings: origin.Settings{
			ConnectTimeout: time.Duration(o.ConnectTimeout), FirstByteTimeout: time.Duration(o.FirstByteTimeout),
			IdleTimeout: time.Duration(o.IdleTimeout), Retries: o.Retries, Connections: o.Connections,
		}}
		if o.Host != config.KeepHost {
			p.Settings.Host = string(o.Host)
		}
		for _, s := range o.Servers {
			p.Servers = append(p.Servers, origin.Server{URL: string(s.URL), Weight: s.Weight})
		}
		all = append(all, p)
	}
	return all
}

// Settle returns when no fetch is under way that goes on without a client, such as one that refreshes a stale response.
func (n *Node) Settle() { n.pipeline.Drain() }

// Start opens the listeners and serves. It returns once connections are
// accepted. Functions are still being compiled then, for as long as /readyz says
// so; a request waits for its own.
func (n *Node) Start() error {
	n.mu.Lock()
	c := n.config
	n.mu.Unlock()
	var err error
	// The socket of a room of ours: closing one of net's resets the connections
	// that the kernel has taken and nobody has accepted yet, requests and all.
	if n.http, err = listen.Open(listen.Options{Address: string(c.Listen.HTTP), Retried: func(err error) { n.log.Warn("accepting connections", "error", err) }}); err != nil {
		return listenError("listen.http", err)
	}
	if n.ops, err = net.Listen("tcp", string(c.Admin.Listen)); err != nil {
		n.http.Close()
		return listenError("admin.listen", err)
	}
	n.started = time.Now()
	n.serves.Go(func() {
		if err := n.front.Serve(n.http); err != nil && !errors.Is(err, net.ErrClosed) {
			n.log.Error("the listener has failed", "address", n.Addr(), "error", err)
		}
	})
	n.serves.Go(func() {
		if err := n.api.Serve(n.ops); err != nil {
			n.log.Error("the operators' API has failed", "address", n.AdminAddr(), "error", err)
		}
	})
	n.serves.Go(n.sweep)
	n.serves.Go(n.balance)
	n.serves.Go(n.judge)
	n.serves.Go(func() { n.follow(&n.asked) })
	n.loading.Store(true)
	n.serves.Go(n.load)
	n.log.Info("serving", "http", n.Addr(), "admin", n.AdminAddr(), "sites", len(c.Sites), "functions", len(c.Functions), "version", n.o.Version)
	return nil
}

// load compiles the functions of the first table, behind the listeners. A request
// that comes meanwhile waits for its own functions only.
func (n *Node) load() {
	begin := time.Now()
	if loaded := n.live.begin(); loaded > 0 {
		n.log.Info("functions loaded", "functions", loaded, "took", time.Since(begin).Round(time.Millisecond))
	}
	n.loading.Store(false)
}

// notLoaded says that a function of the first table does not run. Everything
// else does, so the node goes on.
func (n *Node) notLoaded(l *loaded, err error) {
	n.observer.Metrics.Event("function_not_loaded")
	hint := ""
	if e := moduleError(err); e != nil {
		hint = e.Hint
	}
	n.log.Error("a function cannot be loaded: its bindings do what they do when it fails", "owner", l.owner, "function", l.name, "error", err, "hint", hint)
}

func listenError(field string, err error) error {
	return fmt.Errorf("%s: %w: another process may have the address; change %s in wedge.yaml or stop it", field, err, field)
}

// sweep removes expired entries of the stores until the node ends.
func (n *Node) sweep() {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			if _, err := n.kv.Sweep(context.Background(), now, 10_000); err != nil {
				n.log.Warn("expired entries of the stores stay", "error", err)
			}
		case <-n.closed:
			return
		}
	}
}

// Addr is the address on which sites are served, once Start has returned.
func (n *Node) Addr() string { return n.http.Addr().String() }

// AdminAddr is the address of the operators' API, once Start has returned.
func (n *Node) AdminAddr() string { return n.ops.Addr().String() }

// Shutdown drains the node: readiness is denied at once, accepted requests
// finish, then everything is closed. When ctx ends first, what is left is cut,
// and the error says so. The process should end then: what still waits for an
// origin, or runs in a guest, is left to itself.
func (n *Node) Shutdown(ctx context.Context) error {
	n.draining.Store(true)
	err := n.front.Shutdown(ctx)
	if err != nil {
		n.front.Close()
		// Those that notice are logged.
		cut, cancel := context.WithTimeout(context.Background(), cutTime)
		defer cancel()
		n.front.Shutdown(cut)
		err = fmt.Errorf("not every request has finished: %w", err)
	} else {
		drained := make(chan struct{})
		go func() { n.pipeline.Drain(); close(drained) }()
		select {
		case <-drained:
		case <-ctx.Done():
			err = fmt.Errorf("not every fetch has finished: %w", ctx.Err())
		}
	}
	close(n.closed) // a recording ends by it, for which the API would wait
	n.api.Shutdown(ctx)
	n.live.stop()
	n.serves.Wait()
	n.close(err == nil)
	return err
}

// cutTime is for exchanges whose connection was cut to come to their end.
const cutTime = 250 * time.Millisecond

// close gives everything back that New took, in the reverse order. Exchanges
// that have not ended keep their functions: the code under a running guest must
// not go, and how long they wait for an origin is not in our hand.
func (n *Node) close(drained bool) {
	if n.live != nil && drained {
		n.retiring.Wait()
		if n.table != nil {
			n.live.drop(n.table.held)
		}
		n.live.close()
	}
	if n.api != nil {
		n.api.Close()
	}
	if n.origins != nil {
		n.origins.Close()
	}
	if n.engine != nil && drained {
		n.engine.Close()
	}
	if n.cache != nil && drained {
		// Else fetches still write to it; what they leave is what a kill leaves.
		if err := n.cache.Close(); err != nil {
			n.log.Warn("closing the cache on disk", "error", err)
		}
	}
	if n.kv != nil {
		n.kv.Close()
	}
	if n.observer != nil {
		n.observer.Failures.Close()
		n.observer.Access.Close(5 * time.Second)
	}
	if n.data != nil {
		n.data.close()
	}
}

// ReopenLogs opens log files again by their names, after a rotation.
func (n *Node) ReopenLogs() error { return n.observer.Access.Reopen() }

// Reload makes a new configuration the one that is in force. What needs a
// restart keeps its old value, and is returned. If the configuration cannot be
// applied, nothing changes.
func (n *Node) Reload(c *config.Config) (restart []config.Change, err error) {
	if err := config.LoadSecrets(c); err != nil {
		return nil, err
	}
	places, err := place.Open(c.Places)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, change := range config.Diff(n.config, c) {
		if change.Restart {
			restart = append(restart, change)
		}
	}
	if err := n.apply(context.Background(), c, nil, nil); err != nil {
		return nil, err
	}
	n.places.Store(places)
	return restart, n.api.SetTokens(tokens(c))
}
