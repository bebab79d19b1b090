package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

// printUsage writes what each loaded version of a function has spent since it was loaded: which it is, a row for each hook, then its instances.
func printUsage(w io.Writer, f admin.Function) error {
	list := slices.Clone(f.Usage)
	order := []string{"now", "canary"} // then what is on its way out
	slices.SortStableFunc(list, func(a, b admin.FunctionUsage) int {
		return cmp.Compare(uint(slices.Index(order, runsAs(f, a.Version))), uint(slices.Index(order, runsAs(f, b.Version))))
	})
	for _, u := range list {
		fmt.Fprintf(w, "\nversion %s%s\n", clean(short(u.Version)), runsText(runsAs(f, u.Version)))
		t := newTable(w)
		t.row("HOOK", "CALLS", "FAILED", "FUEL LAST", "MEAN", "MAX", "CPU MEAN", "MAX", "TIME", "WAITING")
		n := func(v int64) string { return strconv.FormatInt(v, 10) }
		for _, h := range u.Hooks {
			t.row(h.Hook, n(h.Calls), n(h.Failed), n(h.FuelLast), n(h.FuelMean), n(h.FuelMax),
				microsText(h.CPUMeanMicros), microsText(h.CPUMaxMicros), microsText(h.WallMeanMicros), microsText(h.WaitMeanMicros))
		}
		if err := t.flush(); err != nil {
			return err
		}
		t = newTable(w)
		t.row("memory", bytesText(u.Memory)+" of "+bytesText(u.MemoryLimit))
		made := fmt.Sprintf("%d, %d idle; %d made", u.Instances, u.Idle, u.Made.Count)
		if u.Made.Count > 0 {
			made += " in " + microsText(u.Made.MeanMicros) + " each"
		}
		t.row("call stack", bytesText(u.Stack))
		t.row("instances", made+"; "+bytesText(u.Taken)+" of the node's memory")
		t.row("waited for", fmt.Sprintf("%d times, %d now; %s on average, %s at most", u.Waits.Count, u.Queued, microsText(u.Waits.MeanMicros), microsText(u.Waits.MaxMicros)))
		t.row("put back", countedText(u.Resets, true))
		t.row("closed", countedText(u.Gone, false))
		t.row("compiled in", microsText(u.CompileMicros))
		t.row("longest stretch", microsText(u.StretchMicros)+fmt.Sprintf("; most fuel in one %d", u.StretchFuel))
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}

// runsText is what a version does now, behind its name. One that does nothing any more serves exchanges that began with it.
func runsText(as string) string {
	switch as {
	case "now":
		return ", which runs"
	case "canary", "shadow":
		return ", the " + as
	}
	return ""
}

func countedText(list []admin.Counted, timed bool) string {
	var out []string
	for _, c := range list {
		s := fmt.Sprintf("%s %d", c.Name, c.Count)
		if timed {
			s += " (" + microsText(c.MeanMicros) + " each)"
		}
		out = append(out, s)
	}
	if out == nil {
		return "never"
	}
	return strings.Join(out, ", ")
}

// microsText is a duration of microseconds with three digits or so.
func microsText(us float64) string {
	d := time.Duration(us * 1000)
	switch {
	case d >= time.Second:
		d = d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	default:
		d = d.Round(100 * time.Nanosecond)
	}
	return d.String()
}
