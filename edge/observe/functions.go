package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// FunctionNumbers are the numbers of one function that are asked for when metrics are read. They count from when
// the function was loaded.
type FunctionNumbers struct {
	Owner, Name        string
	Live, Idle, Queued int
	Memory             int64         // the largest that an exchange has left, in bytes
	Taken              int64         // of the node's memory by instances, in bytes
	Stack              int64         // the largest call stack, in bytes
	Compile            time.Duration // of the module, or of loading what was compiled before
	Stretch            time.Duration // the longest without coming back to the host
	StretchFuel        int64         // the most without coming back to the host
	Made, Waits        Timing
	Resets             map[string]Timing        // by way
	Gone               map[string]int64         // by reason
	Waited             map[string]time.Duration // in host functions, by hook
	FuelMost           map[string]int64         // of a call, by hook
	// Versions are the calls of each version, by the beginning of its hash: there
	// are several while one is tried out, or while exchanges finish on an old one.
	Versions map[string]VersionNumbers
}

// VersionNumbers are the calls of a version.
type VersionNumbers struct {
	Calls, Failed, Fuel int64
	CPU                 time.Duration
}

func (v VersionNumbers) plus(u VersionNumbers) VersionNumbers {
	return VersionNumbers{v.Calls + u.Calls, v.Failed + u.Failed, v.Fuel + u.Fuel, v.CPU + u.CPU}
}

// A Timing counts what takes time.
type Timing struct {
	N     int64
	Total time.Duration
}

// Functions adds the numbers of functions; all is asked when metrics are read. Labels are functions of the configuration and
// words of our own.
func (m *Metrics) Functions(all func() []FunctionNumbers) {
	m.registry.MustRegister(newFunctionCollector(all))
}

// functionCollector makes metrics of numbers that others keep.
type functionCollector struct {
	all func() []FunctionNumbers

	instances, memory, compile, stretch, stretchFuel   *prometheus.Desc
	taken, stack, ownerTaken                           *prometheus.Desc
	made, makeTime, waits, waitTime, resets, resetTime *prometheus.Desc
	gone, waited, fuelMost                             *prometheus.Desc
	calls, failed, cpu, fuel                           *prometheus.Desc // of a version
}

func newFunctionCollector(all func() []FunctionNumbers) *functionCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("wedge_function_"+name, help, append([]string{"owner", "function"}, labels...), nil)
	}
	return &functionCollector{
		all:       all,
		instances: desc("instances", "Instances, by state: idle ones, and live ones, which are all.", "state"),
		memory:    desc("memory_bytes_max", "The largest memory that an exchange has left, of the version that runs."),
		taken:     desc("room_bytes", "What the instances take of the node's memory: see wedge_room_used_bytes."),
		stack:     desc("stack_bytes_max", "The largest call stack that the engine made for a call."),
		// A quota would be on this one.
		ownerTaken: prometheus.NewDesc("wedge_owner_room_bytes", "What the instances of an owner's functions take of the node's memory.", []string{"owner"}, nil),

		compile: desc("compile_seconds", "Time that compiling the version that runs took, or loading what was compiled before."),
		stretch: desc("stretch_seconds_max", "The longest time that a guest ran without coming back to the node."),
		// Where one is long and the other is not, it was the machine that took the time.
		stretchFuel: desc("stretch_fuel_max", "The most fuel that a guest used without coming back to the node."),

		made:      desc("instances_made_total", "Instances that were made."),
		makeTime:  desc("instances_made_seconds_total", "Time that making instances took."),
		waits:     desc("queued_total", "Exchanges that had to wait for an instance."),
		waitTime:  desc("queued_seconds_total", "Time that exchanges waited for an instance."),
		resets:    desc("resets_total", "Instances that were put back to their snapshot, by way.", "way"),
		resetTime: desc("resets_seconds_total", "Time that putting instances back took, by way.", "way"),
		gone:      desc("instances_gone_total", "Instances that were closed, by reason.", "reason"),
		waited:    desc("host_wait_seconds_total", "Time that functions spent in host functions that may wait.", "hook"),
		fuelMost:  desc("fuel_max", "The most fuel that a call has cost.", "hook"),

		calls:  desc("version_calls_total", "Calls of hooks of a version that is loaded.", "version"),
		failed: desc("version_failed_total", "Calls of hooks of a version that failed.", "version"),
		cpu:    desc("version_cpu_seconds_total", "Processor time of the calls of a version.", "version"),
		fuel:   desc("version_fuel_total", "Fuel of the calls of a version.", "version"),
	}
}

// Describe sends nothing: which functions there are changes.
func (c *functionCollector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the numbers of this moment. A function that is loaded more than once, with other settings, has one series.
func (c *functionCollector) Collect(ch chan<- prometheus.Metric) {
	owners := map[string]int64{}
	for _, f := range merge(c.all()) {
		owners[f.Owner] += f.Taken
		send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{f.Owner, f.Name}, labels...)...)
		}
		timing := func(n, seconds *prometheus.Desc, t Timing, labels ...string) {
			send(n, prometheus.CounterValue, float64(t.N), labels...)
			send(seconds, prometheus.CounterValue, t.Total.Seconds(), labels...)
		}
		send(c.instances, prometheus.GaugeValue, float64(f.Live), "live")
		send(c.instances, prometheus.GaugeValue, float64(f.Idle), "idle")
		send(c.instances, prometheus.GaugeValue, float64(f.Queued), "queued")
		send(c.memory, prometheus.GaugeValue, float64(f.Memory))
		send(c.taken, prometheus.GaugeValue, float64(f.Taken))
		send(c.stack, prometheus.GaugeValue, float64(f.Stack))
		send(c.compile, prometheus.GaugeValue, f.Compile.Seconds())
		send(c.stretch, prometheus.GaugeValue, f.Stretch.Seconds())
		send(c.stretchFuel, prometheus.GaugeValue, float64(f.StretchFuel))
		timing(c.made, c.makeTime, f.Made)
		timing(c.waits, c.waitTime, f.Waits)
		for way, t := range f.Resets {
			timing(c.resets, c.resetTime, t, way)
		}
		for why, n := range f.Gone {
			send(c.gone, prometheus.CounterValue, float64(n), why)
		}
		for hook, d := range f.Waited {
			send(c.waited, prometheus.CounterValue, d.Seconds(), hook)
		}
		for version, n := range f.Versions {
			send(c.calls, prometheus.CounterValue, float64(n.Calls), version)
			send(c.failed, prometheus.CounterValue, float64(n.Failed), version)
			send(c.cpu, prometheus.CounterValue, n.CPU.Seconds(), version)
			send(c.fuel, prometheus.CounterValue, float64(n.Fuel), version)
		}
		for hook, n := range f.FuelMost {
			send(c.fuelMost, prometheus.GaugeValue, float64(n), hook)
		}
	}
	for owner, n := range owners {
		ch <- prometheus.MustNewConstMetric(c.ownerTaken, prometheus.GaugeValue, float64(n), owner)
	}
}

// merge makes one of those with the same name.
func merge(all []FunctionNumbers) []FunctionNumbers {
	var out []FunctionNumbers
	at := map[[2]string]int{}
	for _, f := range all {
		i, ok := at[[2]string{f.Owner, f.Name}]
		if !ok {
			at[[2]string{f.Owner, f.Name}] = len(out)
			out = append(out, f)
			continue
		}
		o := &out[i]
		o.Live += f.Live
		o.Idle += f.Idle
		o.Queued += f.Queued
		o.Taken += f.Taken
		o.Stack = max(o.Stack, f.Stack)
		o.Memory, o.Compile, o.Stretch = max(o.Memory, f.Memory), max(o.Compile, f.Compile), max(o.Stretch, f.Stretch)
		o.StretchFuel = max(o.StretchFuel, f.StretchFuel)
		o.Made, o.Waits = o.Made.plus(f.Made), o.Waits.plus(f.Waits)
		o.Resets = mergeMap(o.Resets, f.Resets, Timing.plus)
		o.Gone = mergeMap(o.Gone, f.Gone, func(a, b int64) int64 { return a + b })
		o.Waited = mergeMap(o.Waited, f.Waited, func(a, b time.Duration) time.Duration { return a + b })
		o.Versions = mergeMap(o.Versions, f.Versions, VersionNumbers.plus)
		o.FuelMost = mergeMap(o.FuelMost, f.FuelMost, func(a, b int64) int64 { return max(a, b) })
	}
	return out
}

func (t Timing) plus(u Timing) Timing { return Timing{t.N + u.N, t.Total + u.Total} }

func mergeMap[V any](a, b map[string]V, plus func(V, V) V) map[string]V {
	out := make(map[string]V, len(a)+len(b))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		if w, ok := out[k]; ok {
			v = plus(w, v)
		}
		out[k] = v
	}
	return out
}
