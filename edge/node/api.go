package node

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/config"
)

// openAdmin makes the operators' API and joins it with the rooms.
func (n *Node) openAdmin(c *config.Config) (err error) {
	m := n.observer.Metrics
	n.api, err = admin.New(admin.Options{
		Functions: functionsAPI{n}, Cache: cacheAPI{n}, KV: kvAPI{n.kv}, Config: configAPI{n}, Health: healthAPI{n}, Records: recordAPI{n},
		Metrics: m.Handler(), Tokens: tokens(c), Loopback: c.Admin.Listen.Loopback(),
		ConfigFile: n.o.ConfigFile, AuditFile: n.data.file("audit.log"),
		Events: admin.Events{
			Refused: func(string, string) { m.Event("api_refused") },
			Failed: func(request, operation string, err error) {
				n.log.Error("a request of the operators' API has failed", "request", request, "operation", operation, "error", err)
			},
			Bug: func(request, operation string, v any, stack []byte) {
				n.observer.Bug(nil, v, stack)
			},
			AuditFailed: func(err error) {
				n.log.Error("the audit log cannot be written: writes are refused until it can", "error", err)
			},
		},
	})
	return err
}

// tokens are who may use the API.
func tokens(c *config.Config) (list []admin.Token) {
	if c.Admin.TokenFile != "" {
		list = append(list, admin.Token{Name: "operator", Scopes: []admin.Scope{admin.ScopeAdmin}, Secret: c.Admin.Operator.Reveal()})
	}
	for _, t := range c.Admin.Tokens {
		token := admin.Token{Name: string(t.Name), Owner: string(t.Owner), Secret: t.Value.Reveal()}
		for _, s := range t.Scopes {
			token.Scopes = append(token.Scopes, admin.Scope(s))
		}
		list = append(list, token)
	}
	return list
}

// configAPI is the configuration in force.
type configAPI struct{ n *Node }

func (a configAPI) Show() []byte {
	a.n.mu.Lock()
	defer a.n.mu.Unlock()
	return config.Show(a.n.config)
}

func (a configAPI) Check(text []byte) ([]admin.Change, error) {
	name := a.n.o.ConfigFile
	if name == "" {
		name = "wedge.yaml"
	}
	c, err := config.Parse(name, text)
	if err != nil {
		return nil, configError(err)
	}
	if err := config.LoadSecrets(c); err != nil {
		return nil, configError(err)
	}
	a.n.mu.Lock()
	defer a.n.mu.Unlock()
	var changes []admin.Change
	for _, d := range config.Diff(a.n.config, c) {
		changes = append(changes, admin.Change{Path: d.Path, Kind: string(d.Kind), Old: d.Old, New: d.New, Restart: d.Restart})
	}
	return changes, nil
}

func (a configAPI) Reload(context.Context) error {
	c, err := config.Load(a.n.o.ConfigFile)
	if err != nil {
		return configError(err)
	}
	if _, err = a.n.Reload(c); err != nil {
		return configError(err)
	}
	return nil
}

// configError puts complaints about a configuration into the API's shape.
func configError(err error) error {
	problems, ok := errors.AsType[config.Errors](err)
	if !ok {
		if e := moduleError(err); e != nil {
			return e
		}
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			// A file that the configuration names: it is the configuration's fault.
			return &admin.Error{Code: admin.Invalid, Message: err.Error(), Hint: "look at the path, which is relative to wedge.yaml, and at the file's permissions"}
		}
		return err
	}
	e := &admin.Error{Code: admin.Invalid, Message: "the configuration is wrong", Hint: "mend what the problems name"}
	for _, p := range problems {
		e.Problems = append(e.Problems, admin.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.Message, Hint: p.Hint, Snippet: p.Snippet})
	}
	return e
}

// healthAPI is how the node is.
type healthAPI struct{ n *Node }

func (a healthAPI) Ready() error {
	if a.n.draining.Load() {
		return errors.New("draining")
	}
	if a.n.loading.Load() {
		return errors.New("compiling functions")
	}
	return nil
}

func (a healthAPI) Status(owner string) admin.Status {
	n := a.n
	n.mu.Lock()
	c := n.config
	n.mu.Unlock()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	held := n.cache.Stats()
	s := admin.Status{
		Version: n.o.Version, Started: n.started, UptimeSeconds: time.Since(n.started).Seconds(),
		Ready: a.Ready() == nil, Draining: n.draining.Load(), Listen: []string{n.Addr()},
		Sites: []admin.Site{}, Functions: []admin.FunctionStatus{},
		Cache: admin.CacheStatus{Objects: int64(held.Store.Objects), Bytes: held.Store.IndexBytes + held.Store.Chunks*int64(held.Store.ChunkSize),
			Limit: int64(c.Cache.Memory), Fills: held.Fills, Purges: held.Purges, Sequence: held.Sequence},
		Memory: admin.MemoryStatus{Limit: int64(c.Memory), Heap: int64(mem.HeapAlloc), Total: int64(mem.Sys)},
	}
	if d := held.Disk; d.Limit > 0 {
		s.Cache.Disk = &admin.DiskStatus{Objects: int64(d.Objects), Bytes: d.Bytes, Limit: d.Limit, IndexBytes: d.IndexBytes, IndexLimit: d.IndexLimit, Faults: d.Faults}
	}
	for i := range c.Sites {
		site := &c.Sites[i]
		if owner != "" && string(site.Owner) != owner {
			continue
		}
		hosts := make([]string, len(site.Hosts))
		for j, h := range site.Hosts {
			hosts[j] = string(h)
		}
		s.Sites = append(s.Sites, admin.Site{Owner: string(site.Owner), Name: string(site.Name), Hosts: hosts, Routes: len(site.Routes)})
	}
	for _, f := range (functionsAPI{n}).List(owner) {
		s.Functions = append(s.Functions, admin.FunctionStatus{Owner: f.Owner, Name: f.Name, Active: f.Active, Disabled: f.Disabled})
	}
	return s
}
