package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Describe tells what a kept version is made of.
func (a functionsAPI) Describe(ctx context.Context, owner, name, hash string) (admin.VersionDetail, error) {
	v, err := a.n.functions.Find(owner, name, hash)
	if err != nil {
		return admin.VersionDetail{}, functionError(err)
	}
	code, err := a.n.functions.Code(owner, name, v.Hash)
	if err != nil {
		return admin.VersionDetail{}, functionError(err)
	}
	m, err := wasm.Decode(code)
	if err != nil {
		return admin.VersionDetail{}, err // it was accepted once
	}
	stored, _ := a.n.functions.Named(owner, name)
	d := admin.VersionDetail{Version: version(v), Runs: stored.Active == v.Hash}
	for _, i := range m.Imports {
		d.Imports = append(d.Imports, i.Module+"."+i.Name)
	}
	for _, e := range m.Exports {
		d.Exports = append(d.Exports, e.Name)
	}
	slices.Sort(d.Imports)
	slices.Sort(d.Exports)
	for _, mem := range m.AllMemories() {
		d.Memory += int64(mem.Limits.Min) << 16
	}
	for _, s := range m.Sections {
		content, label := s.Data, sectionNames[s.ID]
		if s.ID == wasm.CustomSection {
			content, label = s.Data[s.Body:], s.Name
		}
		sum := sha256.Sum256(content)
		d.Sections = append(d.Sections, admin.ModuleSection{Name: label, Size: len(content), Custom: s.ID == wasm.CustomSection, Hash: hex.EncodeToString(sum[:6])})
	}
	d.Calls, err = a.emptyCalls(ctx, owner, name, v.Hash, code)
	return d, functionError(err)
}

var sectionNames = map[wasm.SectionID]string{
	wasm.TypeSection: "type", wasm.ImportSection: "import", wasm.FunctionSection: "function", wasm.TableSection: "table", wasm.MemorySection: "memory",
	wasm.GlobalSection: "global", wasm.ExportSection: "export", wasm.StartSection: "start", wasm.ElementSection: "element", wasm.CodeSection: "code",
	wasm.DataSection: "data", wasm.DataCountSection: "data count", wasm.TagSection: "tag",
}

// emptyCalls calls the hooks of a module once each, on an exchange that nobody
// asked for, among the services of shadows: nothing comes of it but its cost.
func (a functionsAPI) emptyCalls(ctx context.Context, owner, name, hash string, code []byte) (calls []admin.EmptyCall, err error) {
	s := guest.Spec{Owner: services.Owner(owner), Name: name, Version: hash}
	c := a.current()
	if b := anyBinding(c, owner, name); b != nil {
		s = spec(c.MostMemory(), config.Name(owner), b, hash)
	}
	s.Fixed, s.Instances = true, 1
	f, err := a.n.live.shadows.Load(ctx, code, s)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Info().Handler {
		return nil, nil // its program asks others
	}
	side := func(x *exchange.Exchange, first, second exchange.Hook) error {
		defer x.Release()
		r, err := f.Start(x, time.Time{})
		if err != nil {
			return err
		}
		for _, h := range []exchange.Hook{first, second} {
			if h == second {
				x.Response.Drop()
				x.Response.Status = 200
			}
			if _, err := r.Call(h); err != nil {
				break // the call says why
			}
			if x.Response.Body != nil {
				io.Copy(io.Discard, io.LimitReader(x.Response.Body, 1<<20))
			}
		}
		r.End()
		x.Response.Drop()
		for i := range x.Calls {
			k := &x.Calls[i]
			call := admin.EmptyCall{Hook: k.Hook.String(), Fuel: k.Fuel}
			if k.Failed != exchange.ReasonNone {
				call.Failed = k.Failed.String()
			}
			calls = append(calls, call)
		}
		return nil
	}
	empty := exchange.New()
	defer empty.Release()
	q := &empty.Request
	q.Method, q.Proto, q.Scheme, q.Host, q.Path, q.Target = "GET", exchange.HTTP11, "https", "example.com", "/", "/"
	empty.Now = time.Unix(0, 0)
	empty.Owner = owner
	client, fetch := empty.ForFetch(), empty.ForFetch()
	client.Side = exchange.ClientSide
	if err := side(client, exchange.OnRequest, exchange.OnResponse); err != nil {
		fetch.Release()
		return nil, err
	}
	return calls, side(fetch, exchange.OnFetch, exchange.OnFetched)
}

// anyBinding is one of the bindings of a function; nil if no site calls it.
func anyBinding(c *config.Config, owner, name string) *config.Binding {
	is := func(b *config.Binding) bool { return b != nil && string(b.Name) == name }
	for i := range c.Sites {
		s := &c.Sites[i]
		if string(s.Owner) != owner {
			continue
		}
		all := append(slices.Clone(s.Functions), s.Handler)
		for j := range s.Routes {
			all = append(append(all, s.Routes[j].Functions...), s.Routes[j].Handler)
		}
		if at := slices.IndexFunc(all, is); at >= 0 {
			return all[at]
		}
	}
	return nil
}
