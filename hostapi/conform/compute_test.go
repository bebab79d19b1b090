package conform

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/fastly"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

func computeCases() []computeCase {
	return slices.Concat(computeMessageCases, computeSendCases, computeStoreCases, computeCacheCases, computeHTTPCases)
}

// computeFunctions are the functions of Fastly's ABI that are offered, or those that are not.
func computeFunctions(offered bool) (names []string) {
	for name, works := range fastly.Supported() {
		if works == offered {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Each function of Fastly's ABI that is offered has a case that calls it, and all is as its specification has it.
func TestCompute(t *testing.T) {
	cases := computeCases()
	for _, name := range computeFunctions(true) {
		if !slices.ContainsFunc(cases, func(k computeCase) bool { return slices.Contains(k.functions(), name) }) {
			t.Errorf("%s has no case", name)
		}
	}
	c := newCity(t)
	for _, k := range cases {
		for _, wrong := range c.check(t, k) {
			t.Error(wrong)
		}
	}
}

// What is not offered answers so, and touches nothing of what it is pointed at.
func TestComputeUnsupported(t *testing.T) {
	const untouched = "the memory that all parameters point at"
	check := computeCase{name: "all that is not offered", sees: []string{strings.Repeat(untouched, 40)}, build: func(p *compute) {
		at := p.textAt(strings.Repeat(untouched, 40))
		for _, name := range computeFunctions(false) {
			name = strings.TrimPrefix(name, "fastly_")
			var args []any
			for _, kind := range p.funcs[p.index[name]].Params {
				if kind == hostcall.I64 {
					args = append(args, int64(at.at))
				} else {
					args = append(args, int(at.at))
				}
			}
			p.want(stUnsupported, name, args...)
		}
		p.show(at)
		p.reply()
	}}
	if n := len(computeFunctions(false)); n < 10 {
		t.Fatalf("%d functions are not offered: is the table read?", n)
	}
	for _, wrong := range newCity(t).check(t, check) {
		t.Error(wrong)
	}
}

// The cases notice a function that does nothing and says that all is well: with each in turn made so, one of its cases fails.
// It is one in sixteen unless WEDGE_PROOF is set.
func TestComputeCasesNotice(t *testing.T) {
	step := 16
	if os.Getenv("WEDGE_PROOF") != "" {
		step = 1
	}
	cases := computeCases()
	for i, name := range computeFunctions(true) {
		if i%step != 0 {
			continue
		}
		all := guest.HostFuncs()
		for i := range all {
			if all[i].Module+"."+all[i].Name == name {
				all[i].Body = func(_ *hostcall.Call, stack []uint64) { stack[0] = 0 }
			}
		}
		t.Run(name, func(t *testing.T) {
			c := newCityOf(t, all)
			for _, k := range cases {
				if slices.Contains(k.functions(), name) && len(c.check(t, k)) > 0 {
					return
				}
			}
			t.Errorf("no case notices that %s does nothing", name)
		})
	}
}
