package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/journal"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// Options say how to run.
type Options struct {
	// Interpreter runs modules without compiling them.
	Interpreter bool
	// CacheDir is a folder for compiled code; "" keeps none.
	CacheDir string
	// Secrets are values by name; those that are not here have stand-ins.
	Secrets map[string]string
}

// A Player runs records. It is for one goroutine.
type Player struct {
	o         Options
	engine    *engine.Engine
	host      *guest.Host
	functions map[string]*guest.Function // by module and settings
}

// mostFunctions bounds how many are held at once: settings may be others in each exchange of a file.
const mostFunctions = 32

// cpu and wall take the place of a function's own limits of time, which another machine, or the interpreter, would meet
// elsewhere. Fuel and memory are those of the record.
const (
	cpu  = 10 * time.Second
	wall = time.Minute
)

// New makes a player.
func New(o Options) (*Player, error) {
	e, err := engine.New(engine.Options{Host: guest.HostFuncs(), Interpreter: o.Interpreter, CacheDir: o.CacheDir})
	if err != nil {
		return nil, err
	}
	return &Player{o: o, engine: e, host: guest.New(guest.Options{Engine: e, Services: &services.Services{}, Wait: wall}), functions: map[string]*guest.Function{}}, nil
}

// Close frees what the player holds.
func (p *Player) Close() {
	p.forget()
	p.engine.Close()
}

func (p *Player) forget() {
	for _, f := range p.functions {
		f.Close()
	}
	clear(p.functions)
}

// Run runs a function as it ran in x, with module, and returns what it did this time. An error is that it could not be run at
// all; that a hook failed stands in its step.
func (p *Player) Run(ctx context.Context, x *journal.Exchange, r *journal.Run, module []byte) (*journal.Run, error) {
	secrets := map[string]string{}
	for name, n := range r.Settings.Secrets {
		if secrets[name] = journal.StandIn(name, n); p.o.Secrets[name] != "" {
			secrets[name] = p.o.Secrets[name]
		}
	}
	r, err := journal.Restore(r, secrets)
	if err != nil {
		return nil, err
	}
	f, err := p.function(ctx, r, module, secrets)
	if err != nil {
		return nil, err
	}
	out := &journal.Run{Function: r.Function, Version: f.Version(), Settings: r.Settings, Fetch: r.Fetch, Seed: r.Seed}
	tape := journal.Play(r, out)
	twin, err := f.Twin(tape.World(), tape.Services())
	if err != nil {
		return nil, err
	}
	defer twin.Close()
	play(x, r, out, tape, twin)
	journal.Redact(out, secrets)
	return out, nil
}

// play calls the hooks. A hook that the record has and the module has not is a step that failed.
func play(from *journal.Exchange, r, out *journal.Run, tape *journal.Tape, f *guest.Function) {
	x := exchange.New()
	defer x.Release()
	x.ID, _ = exchange.ParseID(from.ID) // the reader has checked it
	x.Now, x.Owner, x.Site, x.Route = from.Time, from.Owner, from.Site, from.Route
	if r.Fetch {
		x.Side = exchange.FetchSide
	}
	journal.PutClient(x, &from.Client)
	run, err := f.Start(x, time.Time{})
	if err != nil {
		out.Steps = append(out.Steps, &journal.Step{Hook: "start", Failed: exchange.ReasonOf(err, exchange.ReasonFunctionUnavailable).String(), Error: journal.Text(err.Error())})
		return
	}
	defer run.End()
	var before *journal.Step
	for i, s := range r.Steps {
		h, _ := journal.HookOf(s.Hook)
		step := &journal.Step{Hook: s.Hook}
		out.Steps = append(out.Steps, step)
		if !f.Hooks().Has(h) {
			step.Failed, step.Error = "absent", journal.Text("the module has no "+s.Hook)
			continue
		}
		found := s.Before
		if before != nil {
			found = carry(found, &r.Steps[i-1].After, &before.After)
		}
		journal.Put(x, &found)
		_, err := tape.Step(run, x, h, step, s, nil)
		if b := x.Response.Body; b != nil && err == nil && step.After.Response.Body != nil {
			drain(b, s.After.Response.Body)
		}
		x.Response.Body, x.Request.Body = nil, nil
		if err != nil {
			return // the run is over
		}
		before = step
	}
}

// drain reads a body as far as the record has it: who read it then may have left in its middle.
func drain(b exchange.Body, recorded *journal.Body) {
	if recorded == nil || recorded.Ended || recorded.Broken || recorded.Cut {
		io.Copy(io.Discard, struct{ io.Reader }{b})
	} else {
		io.CopyN(io.Discard, b, int64(len(recorded.Data)))
	}
	b.Close()
}

// carry is what a hook finds when the one before it has done something else than in the record: what nobody else had changed
// in between is as it is now.
func carry(found journal.State, recorded, now *journal.State) journal.State {
	if same(message(found.Request), message(recorded.Request)) {
		body, length := found.Request.Body, found.Request.Length
		found.Request = now.Request
		found.Request.Body, found.Request.Length = body, length
	}
	if same(found.Choices, recorded.Choices) {
		found.Choices = now.Choices
	}
	if same(found.Vars, recorded.Vars) {
		found.Vars = now.Vars
	}
	return found
}

func message(m journal.Message) journal.Message {
	m.Body, m.Length = nil, 0
	return m
}

func same(a, b any) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
}

// function loads a module with the settings of a run, or finds it loaded.
func (p *Player) function(ctx context.Context, r *journal.Run, module []byte, secrets map[string]string) (*guest.Function, error) {
	sum := sha256.Sum256(module)
	version := hex.EncodeToString(sum[:])
	s := &r.Settings
	settings, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	key := r.Function + " " + version + " " + string(settings)
	if f := p.functions[key]; f != nil {
		return f, nil
	}
	if len(p.functions) >= mostFunctions {
		p.forget()
	}
	spec := guest.Spec{Owner: "default", Name: r.Function, Version: version, Instances: 1,
		Limits: limit.Limits{CPU: cpu, Wall: wall, Fuel: s.Fuel, Memory: s.Memory, HostCalls: s.HostCalls},
		Config: strs(s.Config), Env: strs(s.Env), Fetch: s.Fetch, KV: s.KV, AllKV: s.AllKV, MaxBody: s.MaxBody, Secrets: map[string]guest.Secret{}}
	for name, v := range secrets {
		spec.Secrets[name] = guest.Secret(v)
	}
	for _, read := range s.Reads {
		spec.Reads.Cookie = spec.Reads.Cookie || read == "cookie"
		spec.Reads.Authorization = spec.Reads.Authorization || read == "authorization"
	}
	if s.Isolation == sandbox.PerInstance.String() {
		spec.Isolation = new(sandbox.PerInstance)
	}
	f, err := p.host.Load(ctx, module, spec)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", r.Function, err)
	}
	p.functions[key] = f
	return f, nil
}

func strs(m map[string]journal.Text) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range maps.All(m) {
		out[k] = string(v)
	}
	return out
}
