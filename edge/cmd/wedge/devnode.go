package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/live"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/mock"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
	"github.com/wedgecdn/wedge/runtime/engine"
)

// A devNode is a node with one function that is being written, and the origin behind it. It is a whole node: its cache, its
// limits and its hooks are those of production.
type devNode struct {
	name    string
	handler bool // it answers requests by itself
	node    *node.Node
	client  *client.Client
	dir     string // with the configuration, the data and the log
	keep    bool   // the folder stays
	origin  *devOrigin
	log     *os.File
	world   string // where settings and stores are from; "" if there are none
}

// A devOrigin is a server, or the address of one that was there before.
type devOrigin struct {
	url, host string
	about     string
	server    *http.Server
}

func (c *command) openDevNode(ctx context.Context, f devCommand, p *project.Project, view *live.View) (_ *devNode, err error) {
	n := &devNode{name: p.Name, handler: p.Language.Handler(), dir: f.State, keep: f.State != ""}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	world, err := f.world(p, n)
	if err != nil {
		return nil, err
	}
	if n.origin, err = openDevOrigin(f.Origin); err != nil {
		return nil, err
	}
	if n.keep {
		err = os.MkdirAll(n.dir, 0o700)
	} else {
		n.dir, err = os.MkdirTemp("", "wedge-dev-")
	}
	if err != nil {
		return nil, err
	}
	admins := []string{f.Admin}
	if f.Admin == "" {
		admins = []string{"127.0.0.1:" + client.DefaultPort, "127.0.0.1:0"}
	}
	if n.log, err = os.OpenFile(filepath.Join(n.dir, "node.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
		return nil, err
	}
	for i, address := range admins {
		if i < len(admins)-1 && !free(address) {
			continue
		}
		if err := n.start(f, world, address, view); err != nil {
			return nil, err
		}
		break
	}
	n.client = client.New(client.Options{Base: "http://" + n.node.AdminAddr(), Agent: agent()})
	c.asked = &place{base: "http://" + n.node.AdminAddr(), from: "wedge dev"}
	return n, n.fill(ctx, world.Stores)
}

// free tells whether a port can be had.
func free(address string) bool {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	ln.Close()
	return true
}

// world is what the function is given: by the project's conversation and the flags.
func (f devCommand) world(p *project.Project, n *devNode) (cases.World, error) {
	w := cases.World{Config: map[string]string{}}
	file := f.Cases
	if file == "" {
		if file = p.Conversation(); !exists(file) {
			file = ""
		}
	}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return w, err
		}
		c, err := cases.Parse(string(text))
		if err != nil {
			return w, hint(fmt.Errorf("%s: %w", filepath.Base(file), err), `a conversation has sections that begin with a line such as "-- request --"`)
		}
		w = c.World()
		n.world = filepath.Base(file)
	}
	for _, s := range f.Set {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return w, hint(usage(fmt.Errorf("--set %q is no setting", s)), "write NAME=VALUE")
		}
		w.Config[name] = value
	}
	return w, nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// openDevOrigin makes of --origin a server that can be asked.
func openDevOrigin(origin string) (*devOrigin, error) {
	var handler http.Handler
	o := &devOrigin{}
	switch u, err := url.Parse(origin); {
	case origin == "":
		handler, o.about = http.HandlerFunc(mock.Echo), "an origin that tells what it was asked"
	case err == nil && (u.Scheme == "http" || u.Scheme == "https"):
		if u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			return nil, hint(usage(fmt.Errorf("--origin %q is no address of a server", origin)), "write http://host:port or https://host, without a path")
		}
		o.url, o.host, o.about = u.Scheme+"://"+u.Host, u.Hostname(), origin
		return o, nil
	default:
		info, err := os.Stat(origin)
		if err != nil || !info.IsDir() {
			return nil, hint(usage(fmt.Errorf("--origin %q is neither a URL nor a folder", origin)), "write http://host:port or https://host, or the name of a folder with files")
		}
		handler, o.about = http.FileServer(http.Dir(origin)), "the files in "+origin
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o.url = "http://" + ln.Addr().String()
	o.server = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go o.server.Serve(ln)
	return o, nil
}

// start makes the node and has it serve.
func (n *devNode) start(f devCommand, world cases.World, adminAddress string, view *live.View) error {
	text, err := n.configuration(f, world, adminAddress)
	if err != nil {
		return err
	}
	file := filepath.Join(n.dir, "wedge.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	local := &node.Local{Seen: view.Seen, Line: view.Line, Failed: view.Failed}
	if n.node, err = node.New(cfg, node.Options{Version: thisVersion().Version, ConfigFile: file, Stderr: n.log, CompileCache: compiledCode(), Compiler: engine.ChildCompiler(self, "compile"), Tester: childTester(self), Local: local}); err != nil {
		return startError(err)
	}
	if err := n.node.Start(); err != nil {
		n.node = nil
		return hint(err, "another program may have the port; --addr and --admin say others")
	}
	return nil
}

// configuration is that of the node, as JSON, which is YAML.
func (n *devNode) configuration(f devCommand, world cases.World, adminAddress string) ([]byte, error) {
	secrets := map[string]any{}
	for i, name := range slices.Sorted(maps.Keys(world.Secrets)) {
		file := fmt.Sprintf("secret-%d", i)
		// One line break at the end of the file is no part of the value.
		if err := os.WriteFile(filepath.Join(n.dir, file), []byte(world.Secrets[name]+"\n"), 0o600); err != nil {
			return nil, err
		}
		secrets[name] = map[string]string{"file": file}
	}
	function := map[string]any{"name": n.name, "config": world.Config, "fetch": []string{"origin"}}
	if len(secrets) > 0 {
		function["secrets"] = secrets
	}
	bound, binding := "functions", any([]string{n.name})
	if n.handler {
		bound, binding = "handler", n.name
	}
	origin := map[string]any{"name": "origin", "servers": []any{map[string]string{"url": n.origin.url}}}
	if n.origin.host != "" {
		origin["host"] = n.origin.host
	}
	return json.MarshalIndent(map[string]any{
		"listen": map[string]string{"http": f.Address}, "admin": map[string]string{"listen": adminAddress}, "data": "data", "memory": "1GiB",
		"cache": map[string]string{"memory": "64MiB"}, "access_log": map[string]string{"file": "off"}, "drain": "1s",
		"functions": []any{function}, "origins": []any{origin},
		"sites": []any{map[string]any{"name": "site", "hosts": []string{"*"}, "origin": "origin", bound: binding}},
	}, "", "  ")
}

// fill puts into the stores what they hold at the beginning, unless an earlier run has left something there.
func (n *devNode) fill(ctx context.Context, stores map[string]map[string]string) error {
	for store, values := range stores {
		for key, value := range values {
			if n.keep {
				if _, err := n.client.Value(ctx, "", store, key); err == nil {
					continue
				}
			}
			if _, err := n.client.PutValue(ctx, "", store, key, client.Write{Body: strings.NewReader(value), Size: int64(len(value))}); err != nil {
				return hint(fmt.Errorf("store %s, key %q: %w", store, key, err), "what a store can hold is said by: wedge kv put --help")
			}
		}
	}
	return nil
}

// text tells where everything is.
func (n *devNode) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s answers on http://%s, behind it is %s\n", n.name, n.node.Addr(), n.origin.about)
	node := ""
	if at := n.node.AdminAddr(); at != "127.0.0.1:"+client.DefaultPort {
		node = " --node " + at
	}
	fmt.Fprintf(&b, "its operators' API is on %s: wedge function show %s%s, wedge kv list%s\n", n.node.AdminAddr(), n.name, node, node)
	if n.world != "" {
		fmt.Fprintf(&b, "config, secrets and stores are those of %s\n", n.world)
	}
	b.WriteString("save a file and the next request runs it; Ctrl-C ends\n")
	return b.String()
}

// close ends the node and its origin, and removes the folder unless it is kept.
func (n *devNode) close() (err error) {
	if n.node != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		n.node.Shutdown(ctx) // a request that lasts is cut: its author is gone
	}
	if n.origin != nil && n.origin.server != nil {
		n.origin.server.Close()
	}
	if n.log != nil {
		n.log.Close()
	}
	if n.dir != "" && !n.keep {
		err = os.RemoveAll(n.dir)
	}
	return err
}
