// Command hitratio lets caches play the same traces and prints the share of
// requests, and of bytes, that each would have answered itself: the node's own
// store, freecache as it is usually used, LRU, S3-FIFO, otter's W-TinyLFU, and
// Belady, who knows the future.
//
//	go run ./hitratio [-traces mixed,zipf,once,scan,shift] [-sizes 16,64,256,1024] [-caches wedge,otter,…] [-out FOLDER]
//
// A trace is always the same; trace.go says what each is made of. With -out the
// scores are kept: hitratio.json, hitratio.txt, hitratio.svg. Another run into the
// same folder replaces what it plays and leaves the rest.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// names of the caches, in the order of a report.
func names() []string { return []string{"wedge", "freecache", "lru", "s3-fifo", "otter", "belady"} }

// traces in the order of a report.
func traces() []string { return []string{"mixed", "zipf", "once", "scan", "shift"} }

func main() {
	which := flag.String("traces", "mixed", "traces to play: "+strings.Join(traces(), ", "))
	sizes := flag.String("sizes", "16,64,256,1024", "sizes of the caches, in MiB")
	only := flag.String("caches", "", "which of them play; all if empty")
	out := flag.String("out", "", "`folder` for the scores; what it holds of others stays")
	flag.Parse()
	if err := run(*which, *sizes, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "hitratio:", err)
		os.Exit(1)
	}
}

func run(which, sizes, only, out string) error {
	var rooms []int64
	for s := range strings.SplitSeq(sizes, ",") {
		mib, err := strconv.ParseInt(s, 10, 64)
		if err != nil || mib < 1 {
			return fmt.Errorf("size %q: a whole number of MiB, please", s)
		}
		rooms = append(rooms, mib<<20)
	}
	for name := range strings.SplitSeq(only, ",") {
		if only != "" && !slices.Contains(names(), name) {
			return fmt.Errorf("there is no cache %q: %s", name, strings.Join(names(), ", "))
		}
	}
	all, err := readScores(out)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(which, ",") {
		m, ok := mixes()[name]
		if !ok {
			return fmt.Errorf("there is no trace %q: %s", name, strings.Join(traces(), ", "))
		}
		trace := newTrace(m)
		weights := map[uint64]int64{}
		var total int64
		for _, r := range trace {
			if _, ok := weights[r.Object]; !ok {
				weights[r.Object] = r.bytes()
				total += r.bytes()
			}
		}
		all.Traces[name] = fmt.Sprintf("trace %016x: %d requests, %d of them to warm up, for %d objects of %d MiB", checksum(trace), len(trace), m.warmup, len(weights), total>>20)
		makers := map[string]func(int64) policy{"wedge": newWedge, "freecache": newPlain, "lru": newLRU, "s3-fifo": newS3FIFO, "otter": newTinyLFU(weights), "belady": newBelady(trace)}
		for _, cache := range names() {
			if only != "" && !slices.Contains(strings.Split(only, ","), cache) {
				continue
			}
			for _, room := range rooms {
				s := play(trace, m.warmup, makers[cache], room)
				s.Trace, s.Cache, s.MiB = name, cache, room>>20
				all.put(s)
				fmt.Fprintf(os.Stderr, "%s: %s at %d MiB: %.2f %%\n", name, cache, room>>20, 100*s.Requests)
			}
		}
		if err := all.write(out); err != nil {
			return err
		}
	}
	fmt.Print(all.text())
	return nil
}

// play asks c for the whole trace.
func play(trace []Request, warmup int, make func(room int64) policy, room int64) score {
	before := heapBytes()
	c := make(room)
	defer c.close()
	var hits, asked, hitBytes, askedBytes float64
	for i, r := range trace {
		hit := c.ask(i, r)
		if i < warmup {
			continue
		}
		asked++
		askedBytes += float64(r.bytes())
		if hit {
			hits++
			hitBytes += float64(r.bytes())
		}
	}
	return score{Requests: hits / asked, Bytes: hitBytes / askedBytes, Heap: heapBytes() - before}
}

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
