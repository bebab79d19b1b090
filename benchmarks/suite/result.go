package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/wedgecdn/wedge/benchmarks/proc"
)

// A Result is a run, or several that were put together, on one machine.
type Result struct {
	Machine  proc.Machine
	Versions map[string]string // of the servers
	Rows     []Row
}

// A Row is one server in one scenario.
type Row struct {
	Scenario string
	Server   string
	Reason   string `json:",omitempty"` // why there are no figures
	Commit   string `json:",omitempty"` // of the node, when this row was measured
	At       string `json:",omitempty"`
	Requests int    `json:",omitempty"` // a round
	// By round.
	CPU        []float64   `json:",omitempty"` // µs of processor time a request
	Throughput []float64   `json:",omitempty"` // requests a second
	Origin     []int       `json:",omitempty"` // requests of the origin
	Rate       float64     `json:",omitempty"` // of the open rounds, requests a second
	OpenCPU    []float64   `json:",omitempty"`
	Latency    []Latencies `json:",omitempty"` // of the open rounds, or of the others if there are none
	MemoryMB   float64     `json:",omitempty"` // at the end of the last round
	// Of hostile: latencies of the same requests when nobody loops, how many loops were ended in a round, and what a call of the
	// good function took of processor time, in µs, where a server tells it: alone, and beside.
	Alone []Latencies `json:",omitempty"`
	Ended []int       `json:",omitempty"`
	Calls [2]float64  `json:",omitzero"`
	// Of deploy: µs from the command's beginning to the end of the first answer by the new function.
	Live []float64 `json:",omitempty"`
}

// Latencies are quantiles of a round, in µs.
type Latencies struct{ P50, P90, P99, P999, Max float64 }

// readResult reads a file; one that is not there is empty.
func readResult(name string) (*Result, error) {
	r := &Result{Versions: map[string]string{}}
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(b, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func (r *Result) write(name string) error {
	b, err := json.Marshal(r.Rows)
	if err != nil {
		return err
	}
	// A row is a line: a change of one is seen as such.
	head := *r
	head.Rows = nil
	h, err := json.MarshalIndent(head, "", " ")
	if err != nil {
		return err
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(b, &rows); err != nil {
		return err
	}
	text := append([]byte(nil), h[:len(h)-len(" \"Rows\": null\n}")]...)
	text = append(text, " \"Rows\": ["...)
	for i, row := range rows {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, "\n  "...), row...)
	}
	text = append(text, "\n ]\n}\n"...)
	return os.WriteFile(name, text, 0o644)
}

// replace puts the rows of a scenario in the place of those that were there.
func (r *Result) replace(scenario string, rows []Row) {
	r.Rows = slices.DeleteFunc(r.Rows, func(o Row) bool { return o.Scenario == scenario })
	r.Rows = append(r.Rows, rows...)
	var order []string
	for _, s := range scenarios() {
		order = append(order, s.Name)
	}
	slices.SortStableFunc(r.Rows, func(a, b Row) int { return slices.Index(order, a.Scenario) - slices.Index(order, b.Scenario) })
}

// has says whether a scenario was measured on this commit in so many rounds at least; one in which nobody has figures was not.
func (r *Result) has(scenario, commit string, rounds int) bool {
	has := false
	for _, row := range r.of(scenario) {
		if row.Reason != "" {
			continue
		}
		if row.Commit != commit || len(row.CPU) < rounds {
			return false
		}
		has = true
	}
	return has
}

// of are the rows of a scenario.
func (r *Result) of(scenario string) (rows []Row) {
	for _, row := range r.Rows {
		if row.Scenario == scenario {
			rows = append(rows, row)
		}
	}
	return rows
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// ratio compares round by round, since both were measured under the same weather, and takes the median.
func ratio(a, b []float64) float64 {
	var r []float64
	for i := range min(len(a), len(b)) {
		r = append(r, a[i]/b[i])
	}
	return median(r)
}
