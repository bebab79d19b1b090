// Command hitratio lets caches play the same trace and prints the share of
// requests, and of bytes, that each would have answered itself: the node's own
// store, freecache as it is usually used, LRU, S3-FIFO, otter's W-TinyLFU, and
// Belady, who knows the future.
//
//	go run ./hitratio [-sizes 16,64,256,1024] [-caches wedge,otter,…] [-svg FILE]
//
// The trace is always the same; trace.go says what it is made of.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A rival is a cache with a name.
type rival struct {
	name string
	make func(room int64) policy
}

// A score is the shares that a cache of a size answered.
type score struct {
	requests, bytes float64
	heap            int64 // what the cache took at the end, with all that it needs
}

func main() {
	sizes := flag.String("sizes", "16,64,256,1024", "sizes of the caches, in MiB")
	names := flag.String("caches", "", "which of them play; all if empty")
	svg := flag.String("svg", "", "`file` for a plot")
	flag.Parse()
	if err := run(*sizes, *names, *svg); err != nil {
		fmt.Fprintln(os.Stderr, "hitratio:", err)
		os.Exit(1)
	}
}

func run(sizes, names, svg string) error {
	var rooms []int64
	for s := range strings.SplitSeq(sizes, ",") {
		mib, err := strconv.ParseInt(s, 10, 64)
		if err != nil || mib < 1 {
			return fmt.Errorf("size %q: a whole number of MiB, please", s)
		}
		rooms = append(rooms, mib<<20)
	}
	trace := newTrace()
	weights := map[uint64]int64{}
	var total int64
	for _, r := range trace {
		if _, ok := weights[r.Object]; !ok {
			weights[r.Object] = r.bytes()
			total += r.bytes()
		}
	}
	rivals := []rival{
		{"wedge", newWedge}, {"freecache", newPlain}, {"lru", newLRU}, {"s3-fifo", newS3FIFO},
		{"otter", newTinyLFU(weights)}, {"belady", newBelady(trace)},
	}
	fmt.Printf("%s %s/%s; trace %016x: %d requests, %d of them to warm up, for %d objects of %d MiB\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, checksum(trace), len(trace), warmup, len(weights), total>>20)

	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(out, "hits %, bytes %\t")
	for _, room := range rooms {
		fmt.Fprintf(out, "%d MiB\t\t", room>>20)
	}
	fmt.Fprintln(out)
	results := map[string][]score{}
	for _, r := range rivals {
		if names != "" && !strings.Contains(","+names+",", ","+r.name+",") {
			continue
		}
		fmt.Fprintf(out, "%s\t", r.name)
		for _, room := range rooms {
			s := play(trace, r.make, room)
			results[r.name] = append(results[r.name], s)
			fmt.Fprintf(os.Stderr, "%s at %d MiB: %.2f %%\n", r.name, room>>20, 100*s.requests)
			fmt.Fprintf(out, "%.2f\t%.2f\t", 100*s.requests, 100*s.bytes)
		}
		fmt.Fprintln(out)
	}
	if ours, theirs := results["wedge"], results["otter"]; ours != nil && theirs != nil {
		fmt.Fprint(out, "wedge/otter\t")
		for i := range rooms {
			fmt.Fprintf(out, "%.3f\t%.3f\t", ours[i].requests/theirs[i].requests, ours[i].bytes/theirs[i].bytes)
		}
		fmt.Fprintln(out)
	}
	out.Flush()
	fmt.Println()
	for i, s := range results["wedge"] {
		fmt.Printf("wedge at %d MiB takes %.1f MiB of the heap, bodies and all\n", rooms[i]>>20, float64(s.heap)/(1<<20))
	}
	if svg == "" {
		return nil
	}
	return os.WriteFile(svg, plot(rivals, rooms, results), 0o644)
}

// play asks c for the whole trace.
func play(trace []Request, make func(room int64) policy, room int64) score {
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
	return score{hits / asked, hitBytes / askedBytes, heapBytes() - before}
}

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
