package node

import (
	"cmp"
	"slices"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/observe"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
)

// functionNumbers are the numbers of all loaded functions, for the metrics.
func (v *live) functionNumbers() (all []observe.FunctionNumbers) {
	for _, f := range v.all("", "") {
		s := f.Stats()
		n := observe.FunctionNumbers{
			Owner: string(f.Owner()), Name: f.Name(), Live: s.Instances.Live, Idle: s.Instances.Idle, Queued: s.Instances.Queued,
			Memory: s.Memory, Taken: s.Instances.Memory, Stack: s.Instances.DeepestStack, Compile: s.Compile, Stretch: s.Instances.LongestStretch, StretchFuel: s.Instances.LargestStretch,
			Made: observe.Timing{N: s.Made.N, Total: s.Made.Total}, Waits: observe.Timing{N: s.Queued.N, Total: s.Queued.Total},
			Resets: map[string]observe.Timing{}, Gone: map[string]int64{}, Waited: map[string]time.Duration{}, FuelMost: map[string]int64{},
		}
		for way, t := range s.Resets {
			n.Resets[string(way)] = observe.Timing{N: t.N, Total: t.Total}
		}
		for why, c := range s.Gone {
			n.Gone[string(why)] = c
		}
		var calls observe.VersionNumbers
		for h := range exchange.Hooks {
			k := &s.Hooks[h]
			calls.Calls += k.Calls
			calls.Failed += k.Failed
			calls.Fuel += k.FuelAll
			calls.CPU += k.CPU
			if f.Hooks().Has(h) {
				n.Waited[h.String()], n.FuelMost[h.String()] = s.Hooks[h].Waited, s.Hooks[h].FuelMost
			}
		}
		n.Versions = map[string]observe.VersionNumbers{short(f.Version()): calls}
		all = append(all, n)
	}
	return all
}

// usage is what one function has spent since it was loaded, once for each of its bindings' settings.
func (v *live) usage(owner, name string) (list []admin.FunctionUsage) {
	for _, f := range v.all(owner, name) {
		list = append(list, usageOf(f))
	}
	// Those that ask again find them in the same order.
	slices.SortStableFunc(list, func(a, b admin.FunctionUsage) int { return cmp.Compare(a.Version, b.Version) })
	return list
}

func usageOf(f *guest.Function) admin.FunctionUsage {
	s := f.Stats()
	u := admin.FunctionUsage{
		Version: f.Version(), Memory: s.Memory, MemoryLimit: f.Limits().Memory, CompileMicros: micros(s.Compile), StretchMicros: micros(s.Instances.LongestStretch), StretchFuel: s.Instances.LargestStretch,
		Stack: s.Instances.DeepestStack, Taken: s.Instances.Memory,
		Instances: s.Instances.Live, Idle: s.Instances.Idle, Queued: s.Instances.Queued, Denied: s.Denied,
		Made: timing(s.Made), Waits: timing(s.Queued),
	}
	for h := range exchange.Hooks {
		k := s.Hooks[h]
		// A handler is called once for a request, where the request's first hook would be.
		if !f.Hooks().Has(h) && !(f.Info().Handler && h == exchange.OnRequest) {
			continue
		}
		calls := max(k.Calls, 1)
		u.Hooks = append(u.Hooks, admin.HookUsage{
			Hook: h.String(), Calls: k.Calls, Failed: k.Failed, FuelLast: k.FuelLast, FuelMean: k.FuelAll / calls, FuelMax: k.FuelMost,
			CPUMeanMicros: micros(k.CPU) / float64(calls), CPUMaxMicros: micros(k.CPUMost),
			WallMeanMicros: micros(k.Wall) / float64(calls), WaitMeanMicros: micros(k.Waited) / float64(calls),
		})
	}
	for way, t := range s.Resets {
		u.Resets = append(u.Resets, admin.Counted{Name: string(way), Count: t.N, MeanMicros: micros(t.Total) / float64(max(t.N, 1))})
	}
	for why, n := range s.Gone {
		u.Gone = append(u.Gone, admin.Counted{Name: string(why), Count: n})
	}
	sortCounted(u.Resets)
	sortCounted(u.Gone)
	return u
}

func timing(t guest.Timing) admin.Counted {
	return admin.Counted{Count: t.N, MeanMicros: micros(t.Total) / float64(max(t.N, 1)), MaxMicros: micros(t.Longest)}
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func sortCounted(list []admin.Counted) {
	slices.SortFunc(list, func(a, b admin.Counted) int { return cmp.Compare(a.Name, b.Name) })
}
