package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/fastlytoml"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
	"github.com/wedgecdn/wedge/runtime/engine"
)

// localNode is a node that stands in for Fastly Compute, and the folder that it works in.
type localNode struct {
	node *node.Node
	dir  string
}

type localOptions struct {
	program, address string
	world            *fastlytoml.File
	local            *node.Local
	quiet            bool // on a port that is free, and without the operator's log
}

// openLocal starts a node with one program. All that it keeps is in a folder that goes with it.
func (c *command) openLocal(ctx context.Context, o localOptions) (_ *localNode, err error) {
	module, err := filepath.Abs(o.program)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(module); err != nil {
		return nil, hint(fmt.Errorf("read the module: %w", err), "build the program first; the file is what its build made, such as bin/main.wasm")
	}
	dir, err := os.MkdirTemp("", "wedge-run-")
	if err != nil {
		return nil, err
	}
	l := &localNode{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	stores := newNames()
	text, err := localConfig(dir, module, o, stores)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "wedge.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log := io.Discard
	if !o.quiet {
		log = c.stderr
	}
	if l.node, err = node.New(cfg, node.Options{Version: thisVersion().Version, Stderr: log, CompileCache: compiledCode(), Compiler: engine.ChildCompiler(self, "compile"), Local: o.local}); err != nil {
		return nil, startError(err)
	}
	if err := l.node.Start(); err != nil {
		return nil, hint(err, "another program may have the port; --addr says another")
	}
	return l, l.fill(ctx, o.world.KV, stores)
}

// close ends the node and removes its folder.
func (l *localNode) close() (err error) {
	if l.node != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = l.node.Shutdown(ctx)
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}

// fill puts into the stores what they hold at the beginning.
func (l *localNode) fill(ctx context.Context, stores map[string][]fastlytoml.Item, named *names) error {
	a := client.New(client.Options{Base: "http://" + l.node.AdminAddr(), Agent: agent()})
	for store, items := range stores {
		for _, i := range items {
			w := client.Write{Body: bytes.NewReader(i.Value), Size: int64(len(i.Value)), Metadata: []byte(i.Metadata)}
			if _, err := a.PutValue(ctx, "", named.of(store), i.Key, w); err != nil {
				return hint(fmt.Errorf("store %s, key %q: %w", store, i.Key, err), "what a store can hold is said by: wedge kv put --help")
			}
		}
	}
	return nil
}

// surroundings are the environment variables that programs of Fastly Compute find.
var surroundings = map[string]string{"FASTLY_HOSTNAME": "localhost", "FASTLY_SERVICE_ID": "0000000000000000000000", "FASTLY_SERVICE_VERSION": "0", "FASTLY_POP": "XXX", "FASTLY_REGION": "Somewhere", "FASTLY_CACHE_GENERATION": "0", "FASTLY_CUSTOMER_ID": "0000000000000000000000"}

// localConfig is a configuration, as JSON, which is YAML.
func localConfig(dir, module string, o localOptions, stores *names) ([]byte, error) {
	values, secrets, kv := map[string]string{}, map[string]any{}, []string{}
	for store, list := range o.world.Config {
		for key, v := range list {
			values[store+"."+key] = v
		}
	}
	for name, text := range o.world.ACLs {
		values["acl."+name] = text
	}
	for store, list := range o.world.Secrets {
		for key, v := range list {
			file := fmt.Sprintf("secret-%d", len(secrets))
			// One line break at the end of the file is no part of the value.
			if err := os.WriteFile(filepath.Join(dir, file), []byte(v+"\n"), 0o600); err != nil {
				return nil, err
			}
			secrets[store+"."+key] = map[string]string{"file": file}
		}
	}
	for _, store := range slices.Sorted(maps.Keys(o.world.KV)) {
		name := stores.of(store)
		values["kv."+store] = name
		kv = append(kv, name)
	}
	// A site has an origin, also where its handler never asks one.
	origins, fetch, named := []any{map[string]any{"name": "nowhere", "servers": []any{map[string]string{"url": "http://127.0.0.1:9"}}}}, []string{}, newNames("nowhere")
	for _, name := range slices.Sorted(maps.Keys(o.world.Backends)) {
		b := o.world.Backends[name]
		own := named.of(name)
		origin := map[string]any{"name": own, "servers": []any{map[string]string{"url": b.URL}}}
		if b.Host != "" {
			origin["host"] = b.Host
		}
		values["backend."+name] = own
		if b.Path != "" {
			values["backend."+name] += "/" + b.Path
		}
		if b.Health != "" {
			o.local.Health[own] = b.Health == "healthy"
		}
		origins, fetch = append(origins, origin), append(fetch, own)
	}
	// A developer's program may take its time, in tests above all.
	function := map[string]any{"name": "program", "module": module, "config": values, "kv": kv, "fetch": fetch, "env": surroundings, "limits": map[string]string{"cpu": "none", "wall": "none", "memory": "none", "host_calls": "none"}}
	if len(secrets) > 0 {
		function["secrets"] = secrets
	}
	address := o.address
	if o.quiet {
		address = "127.0.0.1:0"
	}
	return json.Marshal(map[string]any{
		"listen": map[string]string{"http": address}, "admin": map[string]string{"listen": "127.0.0.1:0"}, "data": "data", "memory": "1GiB",
		"cache": map[string]string{"memory": "64MiB"}, "access_log": map[string]string{"file": "off"}, "limits": map[string]string{"cpu": "1h", "wall": "24h"},
		"functions": []any{function}, "origins": origins,
		"sites": []any{map[string]any{"name": "site", "hosts": []string{"*"}, "origin": "nowhere", "handler": "program"}},
	})
}

// names gives things names that a node accepts: the vendor's may have capitals and spaces.
type names struct {
	given map[string]string
	taken map[string]bool
}

func newNames(taken ...string) *names {
	n := &names{map[string]string{}, map[string]bool{}}
	for _, t := range taken {
		n.taken[t] = true
	}
	return n
}

// of is always the same for the same name.
func (n *names) of(theirs string) string {
	if own, known := n.given[theirs]; known {
		return own
	}
	own := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, theirs)
	if own = strings.TrimLeft(own, "-_."); own == "" {
		own = "x"
	}
	own = own[:min(len(own), 50)]
	for base, i := own, 2; n.taken[own]; i++ {
		own = fmt.Sprintf("%s-%d", base, i)
	}
	n.given[theirs], n.taken[own] = own, true
	return own
}
