package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/cost"
)

// functionFuel is a test of what a function costs, for the build of its author: the same function and the same request cost the same fuel
// on every machine.
type functionFuel struct {
	File   string   `arg:"" type:"path" complete:"file" help:"The module."`
	URL    string   `name:"url" default:"https://example.com/" placeholder:"URL" complete:"url" help:"What the client asks for. ${default} unless said."`
	Method string   `name:"method" default:"GET" placeholder:"M" help:"The request's method. ${default} unless said."`
	Header []string `name:"header" short:"H" sep:"none" placeholder:"FIELD" help:"A field of the request, as \"Name: value\". It may be given again."`
	Status int      `name:"status" default:"200" placeholder:"N" help:"The origin's status. ${default} unless said."`
	Field  []string `name:"response-header" sep:"none" placeholder:"FIELD" help:"A field of the origin's response. It may be given again."`
	Body   string   `name:"response-body" type:"path" placeholder:"FILE" help:"A file with the content of the origin's response."`
	Config []string `name:"config-value" sep:"none" placeholder:"K=V" help:"A value of the function's configuration. It may be given again."`
	Most   int64    `name:"most" placeholder:"FUEL" help:"Fail if a hook costs more than this."`
	Rounds int      `name:"rounds" default:"10" placeholder:"N" help:"How often to measure; each round must cost the same. ${default} unless said."`
	jsonFlag
}

// A fuelReport is the answer as JSON.
type fuelReport struct {
	Rounds int        `json:"rounds"`
	Hooks  []fuelHook `json:"hooks"`
}

type fuelHook struct {
	Hook     string `json:"hook"`
	Fuel     int64  `json:"fuel"`
	Memory   int64  `json:"memory"`
	Answered bool   `json:"answered,omitempty"`
}

func (f functionFuel) Run(c *command) error {
	test, err := f.test()
	if err != nil {
		return err
	}
	module, err := os.ReadFile(f.File)
	if err != nil {
		return err
	}
	config, err := pairs(f.Config, "=", "--config-value")
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, p := range config {
		settings[p.Name] = p.Value
	}
	fn, err := cost.Open(module, cost.Options{Config: settings})
	if err != nil {
		return hint(err, "wedge function deploy would refuse it too")
	}
	defer fn.Close()
	report := fuelReport{Rounds: max(f.Rounds, 1), Hooks: []fuelHook{}}
	for round := range report.Rounds {
		calls, err := fn.Run(test)
		if err != nil {
			return hint(fmt.Errorf("the function failed: %w", err), "--header, --config-value and --response-header give it what it may need; stores are empty and nothing can be fetched")
		}
		for i, call := range calls {
			h := fuelHook{call.Hook.String(), call.Fuel, call.Memory, call.Answered}
			if round == 0 {
				report.Hooks = append(report.Hooks, h)
			} else if i >= len(report.Hooks) || h.Fuel != report.Hooks[i].Fuel {
				return hint(fmt.Errorf("%s cost %d fuel in round %d, and something else before", h.Hook, h.Fuel, round+1),
					"clock and random bytes are the same each time: look for what the function keeps from one exchange to the next")
			}
		}
	}
	if len(report.Hooks) == 0 {
		c.note("the module has no hooks to measure: a handler's program is called by a node only")
	}
	raw, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := c.answer(f.jsonFlag, json.RawMessage(raw), func(w io.Writer) error { return printFuel(w, report) }); err != nil {
		return err
	}
	for _, h := range report.Hooks {
		if f.Most > 0 && h.Fuel > f.Most {
			return hint(fmt.Errorf("%s costs %d fuel, and at most %d is allowed", h.Hook, h.Fuel, f.Most), "make it do less, or raise --most")
		}
	}
	return nil
}

func printFuel(w io.Writer, r fuelReport) error {
	t := newTable(w)
	t.row("HOOK", "FUEL", "MEMORY", "")
	for _, h := range r.Hooks {
		answered := ""
		if h.Answered {
			answered = "answers"
		}
		t.row(h.Hook, strconv.FormatInt(h.Fuel, 10), bytesText(h.Memory), answered)
	}
	return t.flush()
}

// test is the exchange to measure.
func (f functionFuel) test() (t cost.Case, err error) {
	t = cost.Case{Method: f.Method, URL: f.URL, Status: f.Status}
	if t.Header, err = pairs(f.Header, ":", "--header"); err != nil {
		return t, err
	}
	if t.Fields, err = pairs(f.Field, ":", "--response-header"); err != nil {
		return t, err
	}
	if f.Body != "" {
		b, err := os.ReadFile(f.Body)
		if err != nil {
			return t, err
		}
		t.Body = string(b)
	}
	return t, nil
}

// pairs splits names from values.
func pairs(list []string, by, flag string) (out []cost.Field, err error) {
	for _, s := range list {
		name, value, ok := strings.Cut(s, by)
		if !ok || strings.TrimSpace(name) == "" {
			err = errors.Join(err, hint(usage(fmt.Errorf("%s is given as %q", flag, s)), "write it as name%svalue", by))
			continue
		}
		out = append(out, cost.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	return out, err
}
