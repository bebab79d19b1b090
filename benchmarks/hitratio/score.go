package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/wedgecdn/wedge/benchmarks/proc"
)

// A score is the shares of a trace that a cache of a size answered.
type score struct {
	Trace, Cache    string
	MiB             int64
	Requests, Bytes float64
	Heap            int64 // what the cache took at the end, with all that it needs
	Commit          string
}

// scores are those of a run, or of several that were put together.
type scores struct {
	Go     string
	Traces map[string]string // what each is
	All    []score
}

func readScores(dir string) (*scores, error) {
	s := &scores{Traces: map[string]string{}}
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		name := filepath.Join(dir, "hitratio.json")
		b, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(b, s)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	s.Go = runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	return s, nil
}

// put adds a score, in the place of an older one of its kind.
func (s *scores) put(n score) {
	n.Commit = proc.Commit()
	s.All = slices.DeleteFunc(s.All, func(o score) bool { return o.Trace == n.Trace && o.Cache == n.Cache && o.MiB == n.MiB })
	s.All = append(s.All, n)
}

// of is the score of a cache, nil if it has not played.
func (s *scores) of(trace, cache string, mib int64) *score {
	for i, n := range s.All {
		if n.Trace == trace && n.Cache == cache && n.MiB == mib {
			return &s.All[i]
		}
	}
	return nil
}

// sizes are those at which anybody has played a trace, the smallest first.
func (s *scores) sizes(trace string) (mib []int64) {
	for _, n := range s.All {
		if n.Trace == trace && !slices.Contains(mib, n.MiB) {
			mib = append(mib, n.MiB)
		}
	}
	slices.Sort(mib)
	return mib
}

func (s *scores) write(dir string) error {
	if dir == "" {
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	b = bytes.ReplaceAll(b, []byte(`{"Trace"`), []byte("\n {\"Trace\"")) // a line for each
	return errors.Join(os.WriteFile(filepath.Join(dir, "hitratio.json"), append(b, '\n'), 0o644),
		os.WriteFile(filepath.Join(dir, "hitratio.txt"), s.text(), 0o644),
		os.WriteFile(filepath.Join(dir, "hitratio.svg"), s.plot(), 0o644))
}

// text has a table for each trace.
func (s *scores) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "The shares of requests, and of bytes, that caches answer by themselves: go run ./hitratio, %s\n", s.Go)
	for _, trace := range traces() {
		sizes := s.sizes(trace)
		if len(sizes) == 0 {
			continue
		}
		commit := ""
		for _, n := range s.All {
			if n.Trace == trace && n.Cache == "wedge" {
				commit = n.Commit
			}
		}
		fmt.Fprintf(&b, "\n%s: %s; wedge at %s\n\n", trace, s.Traces[trace], commit)
		out := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprint(out, "hits %, bytes %\t")
		for _, mib := range sizes {
			fmt.Fprintf(out, "%d MiB\t\t", mib)
		}
		fmt.Fprintln(out)
		for _, cache := range names() {
			cells, played := "", false
			for _, mib := range sizes {
				if n := s.of(trace, cache, mib); n != nil {
					cells += fmt.Sprintf("%.2f\t%.2f\t", 100*n.Requests, 100*n.Bytes)
					played = true
				} else {
					cells += "–\t–\t"
				}
			}
			if played {
				fmt.Fprintf(out, "%s\t%s\n", cache, cells)
			}
		}
		fmt.Fprint(out, "wedge/otter\t")
		for _, mib := range sizes {
			if ours, theirs := s.of(trace, "wedge", mib), s.of(trace, "otter", mib); ours != nil && theirs != nil {
				fmt.Fprintf(out, "%.3f\t%.3f\t", ours.Requests/theirs.Requests, ours.Bytes/theirs.Bytes)
			} else {
				fmt.Fprint(out, "–\t–\t")
			}
		}
		fmt.Fprintln(out)
		out.Flush()
		for _, mib := range sizes {
			if n := s.of(trace, "wedge", mib); n != nil && trace == "mixed" {
				fmt.Fprintf(&b, "wedge at %d MiB takes %.1f MiB of the heap, bodies and all\n", mib, float64(n.Heap)/(1<<20))
			}
		}
	}
	return b.Bytes()
}
