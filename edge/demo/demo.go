package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/demo/internal/site"
	"github.com/wedgecdn/wedge/edge/node"
)

// Options are what a demo may be told.
type Options struct {
	// Data is the folder for its files; "" is one that is removed at the end.
	Data string
	// Version is the binary's.
	Version string
	// Log takes the node's log; nil drops it.
	Log io.Writer
	// Compiler compiles functions in another process, see node.Options.
	Compiler func(ctx context.Context, wasmPath, cacheDir string) error
	// CompileCache is the folder in which compiled functions are kept between demos; "" is the user's cache folder.
	CompileCache string

	// guests are the example functions in place of those that are embedded.
	guests map[string][]byte
}

// seeds are what the stores hold at the beginning, beside the API key. The first is the experiment's weights.
var seeds = []struct{ store, key, value string }{
	{"ab", "front", "night=50 coast=50"},
	{"redirects", "/lighthouses", "301 /lights/"},
	{"redirects", "/lighthouses/*", "301 /lights/*"},
	{"redirects", "/towers.php", "302 /search?q=&sort=height"},
}

// A Demo is one that runs.
type Demo struct {
	folder   *folder
	site     *site.Site
	a, b     *originServer
	node     *node.Node
	operator *operator
	compiled string // folder of compiled code
	took     time.Duration

	// What tests of the tour's honesty change.
	spinner   []byte // what the tour deploys
	deathless bool   // killOrigin does nothing
}

// Open starts the origin and the node. Close ends them.
func Open(ctx context.Context, o Options) (_ *Demo, err error) {
	began := time.Now()
	guests := o.guests
	if guests == nil {
		if guests, err = unpack(packed); err != nil {
			return nil, err
		}
	}
	d := &Demo{site: site.New(), compiled: o.CompileCache, spinner: spinner}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close(context.WithoutCancel(ctx)))
		}
	}()
	if d.compiled == "" {
		d.compiled = node.CacheDir("compiled")
	}
	if d.folder, err = makeFolder(o.Data, guests, began); err != nil {
		return nil, err
	}
	if d.a, err = startOrigin(d.site, "a"); err != nil {
		return nil, err
	}
	if d.b, err = startOrigin(d.site, "b"); err != nil {
		return nil, err
	}
	if err := d.startNode(o); err != nil {
		return nil, err
	}
	d.operator = &operator{client: &http.Client{Timeout: 30 * time.Second}, base: "http://" + d.node.AdminAddr(), token: d.folder.operator}
	if err := d.seed(ctx); err != nil {
		return nil, err
	}
	d.took = time.Since(began)
	return d, nil
}

// startNode writes the configuration and starts a node on it, as wedge serve would.
func (d *Demo) startNode(o Options) error {
	free, err := freeAddresses(2)
	if err != nil {
		return err
	}
	file, err := d.folder.writeConfig(addresses{free[0], free[1], d.a.address, d.b.address})
	if err != nil {
		return err
	}
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	n, err := node.New(c, node.Options{Version: o.Version, Stderr: o.Log, Compiler: o.Compiler, ConfigFile: file, CompileCache: d.compiled})
	if err != nil {
		return err
	}
	if err := n.Start(); err != nil {
		return err
	}
	d.node = n
	return nil
}

// freeAddresses finds loopback ports that nobody has. The node's own must stand in wedge.yaml, where the command line looks for them, before the
// node opens them: somebody else can take one meanwhile, and then the node says so.
func freeAddresses(n int) (free []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // only when all are found, so that they differ
		free = append(free, l.Addr().String())
	}
	return free, nil
}

// seed puts into the stores what the functions read.
func (d *Demo) seed(ctx context.Context) error {
	for _, s := range seeds {
		if err := d.operator.put(ctx, s.store, s.key, s.value); err != nil {
			return fmt.Errorf("fill the stores: %w", err)
		}
	}
	if err := d.admitKey(ctx); err != nil {
		return fmt.Errorf("fill the stores: %w", err)
	}
	return nil
}

// admitKey makes the API key good for as long as the token is. The next start on the same folder makes another.
func (d *Demo) admitKey(ctx context.Context) error {
	_, err := d.operator.do(ctx, http.MethodPut, value("api-keys", d.hashedKey())+"&ttl="+tokenLife.String(), []byte("orla"))
	return err
}

// hashedKey is the name under which the store knows the API key.
func (d *Demo) hashedKey() string {
	sum := sha256.Sum256([]byte(d.folder.apiKey))
	return hex.EncodeToString(sum[:])
}

// URL is where the node serves the site.
func (d *Demo) URL() string { return "http://" + d.node.Addr() }

// killOrigin ends both variants of the site.
func (d *Demo) killOrigin() {
	if d.deathless {
		return
	}
	d.a.kill()
	d.b.kill()
}

// Close drains the node, ends the origin, and removes what was temporary.
func (d *Demo) Close(ctx context.Context) error {
	var err error
	if d.node != nil {
		err = d.node.Shutdown(ctx)
	}
	d.a.kill()
	d.b.kill()
	if d.operator != nil {
		d.operator.client.CloseIdleConnections()
	}
	if d.folder != nil {
		d.folder.remove()
	}
	return err
}

// Temporary tells whether the folder of files goes when the demo ends.
func (d *Demo) Temporary() bool { return d.folder.temporary }
