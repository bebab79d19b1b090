package guest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// failing is a module that fails in one way at each hook, with line tables.
func failing() []byte {
	m := newModule()
	log := m.Import("wedge", "log", "iiiii", "i")
	inner := m.Func("", "", "", "", Code(I32(1), I32(0), I32(1), I32(0), I32(0), Call(log), Op(0x1a, 0x00))...)
	m.Func("on_request", "", "i", "", Code(Call(inner), I32(0))...)
	m.Func("on_response", "", "i", "", Code(Op(0x03, 0x40, 0x0c, 0x00, 0x0b), I32(0))...)
	m.Func("on_error", "", "i", "", Code(I32(7))...)
	m.Func("wedge_abi_v1", "", "", "")
	return WithLines(m.Bytes())
}

func TestReport(t *testing.T) {
	module := failing()
	var reports []*Report
	asked := 0
	host := newHost(t, Options{
		Events: Events{Failed: func(r *Report) { reports = append(reports, r) }},
		Original: func(owner services.Owner, name, version string) ([]byte, error) {
			asked++
			if owner != "acme" || name != "fn" || version != "0123456789abcdef" {
				t.Errorf("asked for %s %s %s", owner, name, version)
			}
			return module, nil
		},
	})
	f := load(t, host, module, Spec{Limits: limit.Limits{Fuel: 5000}})
	g := func(hook exchange.Hook, kind, message, last, stack string) *Report {
		t.Helper()
		reports = nil
		x := request("/")
		x.ID = exchange.ID{15: byte(hook + 1)}
		_, err := once(t, f, withResponse(x, ""), hook)
		if err == nil || len(reports) != 1 {
			t.Fatalf("%v: %v, %d reports", hook, err, len(reports))
		}
		r := reports[0]
		r.Locate()
		if r.Owner != "acme" || r.Function != "fn" || r.Version != "0123456789abcdef" || r.During != hook.String() || r.Exchange != x.ID {
			t.Errorf("%v: %+v", hook, r)
		}
		if string(r.Kind) != kind || !strings.HasPrefix(r.Message, message) || r.LastHostCall != last || fmt.Sprint(r.Stack) != stack {
			t.Errorf("%v: %q, %q, %q, %v", hook, r.Kind, r.Message, r.LastHostCall, r.Stack)
		}
		return r
	}
	first := g(exchange.OnRequest, "unreachable", "unreachable", "wedge.log", "[$1 at guest.src:16 $2 at guest.src:20]")
	if b := fmt.Sprint(first.Budgets); !strings.Contains(b, "host_calls 1 of 1000000") || !strings.Contains(b, " of 5000 cpu ") {
		t.Errorf("budgets %s", b)
	}
	again := g(exchange.OnRequest, "unreachable", "unreachable", "wedge.log", "[$1 at guest.src:16 $2 at guest.src:20]")
	if asked != 1 {
		t.Errorf("asked for the module %d times", asked)
	}
	spent := g(exchange.OnResponse, "budget", "fuel budget spent: limit 5000, used 50", "", "[$3 at guest.src:27]")
	other := g(exchange.OnError, "other", "the hook returned 7, which is neither 0 (go on) nor 1 (answered)", "", "[]")
	if first.Key() != again.Key() || first.Key() == spent.Key() || spent.Key() == other.Key() {
		t.Errorf("keys %q, %q, %q, %q", first.Key(), again.Key(), spent.Key(), other.Key())
	}
}

// Without the original the names and nothing else are known; so it is if its file was replaced.
func TestReportWithoutOriginal(t *testing.T) {
	module := failing()
	for name, original := range map[string]func(services.Owner, string, string) ([]byte, error){
		"none":     nil,
		"error":    func(services.Owner, string, string) ([]byte, error) { return nil, errors.New("gone") },
		"replaced": func(services.Owner, string, string) ([]byte, error) { return module[:len(module)-1], nil },
	} {
		var report *Report
		f := load(t, newHost(t, Options{Original: original, Events: Events{Failed: func(r *Report) { report = r }}}), module, Spec{})
		_, _ = once(t, f, request("/"), exchange.OnRequest)
		report.Locate()
		if got := fmt.Sprint(report.Stack); got != "[$1 $2]" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A guest that traps while its instance is made is told of as well.
func TestReportOfInitialisation(t *testing.T) {
	var reports []*Report
	f := load(t, newHost(t, Options{Events: Events{Failed: func(r *Report) { reports = append(reports, r) }}}), failing(), Spec{})
	f.failedToStart(sandbox.ErrNoInstance, exchange.ID{})
	f.failedToStart(fmt.Errorf("sandbox: initialise: %w", &sandbox.Trap{Kind: sandbox.Unreachable, Message: "unreachable", Stack: []sandbox.Frame{{Function: "main"}}}), exchange.ID{1})
	if len(reports) != 1 || reports[0].During != Initialising || reports[0].Exchange != (exchange.ID{1}) || fmt.Sprint(reports[0].Stack) != "[main]" {
		t.Errorf("reports %+v", reports)
	}
}
