package cache

import (
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Floods of URLs, of variants and of responses with huge heads, each asked for
// once, keep a process within its memory and 64 MiB: a million of each with
// WEDGE_PROOF=1, else a hundredth, in a memory that is smaller as well. Each
// flood has a process of its own, so that nothing else counts.
func TestFloods(t *testing.T) {
	if flood := os.Getenv("WEDGE_TEST_FLOOD"); flood != "" {
		drown(t, flood)
		return
	}
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	count, memory := 10_000, int64(24<<20)
	if os.Getenv("WEDGE_PROOF") == "1" {
		count, memory = 1_000_000, 256<<20
	}
	f := func(kind string) {
		t.Helper()
		cmd := exec.Command(os.Args[0], "-test.run=^TestFloods$", "-test.v")
		cmd.Env = append(os.Environ(), fmt.Sprintf("WEDGE_TEST_FLOOD=%s %d %d", kind, count, memory))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", kind, err, out)
		}
		_, after, _ := strings.Cut(string(out), "most: ")
		line, _, _ := strings.Cut(after, "\n")
		most, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			t.Fatalf("%s: no figure in\n%s", kind, out)
		}
		t.Logf("%d %s at a memory of %d MiB: at most %d MiB", count, kind, memory>>20, most>>20)
		if most > memory+64<<20 {
			t.Errorf("%s: the process took %d MiB, its memory is %d MiB", kind, most>>20, memory>>20)
		}
	}
	f("urls")
	f("variants")
	f("heads")
}

// drown is the process that a flood goes to.
func drown(t *testing.T, flood string) {
	var kind string
	var count int
	var memory int64
	if _, err := fmt.Sscan(flood, &kind, &count, &memory); err != nil {
		t.Fatal(err)
	}
	debug.SetMemoryLimit(memory) // as a node does
	w := newWorld(t, Options{Memory: memory / 2})
	head := []string{"Cache-Control: max-age=3600", "Content-Type: text/html; charset=utf-8", `ETag: "0123456789abcdef"`}
	switch kind {
	case "variants":
		head = append(head, "Vary: Accept, X-Kind")
	case "heads":
		count /= 10 // of 48 KiB each
		for i := range 48 {
			head = append(head, fmt.Sprintf("X-Long-%d: %s", i, strings.Repeat("h", 1000)))
		}
	}
	w.answers(200, strings.Repeat("x", 700), head...)
	for i := range count {
		x := get(fmt.Sprintf("/a/path/of/usual/length/%08d?and=a&query=%d", i, i))
		if kind == "variants" {
			// Of some keys all the variants that a key may have, and more.
			x = get(fmt.Sprintf("/%d", i/500), "Accept: "+strconv.Itoa(i), "X-Kind: "+strconv.Itoa(i%7))
		}
		w.serve(x)
		body(x)
		x.Release()
	}
	st := w.c.Stats().Store
	if st.Objects == 0 || st.IndexBytes > st.IndexLimit || st.BodyBytes > st.BodyLimit {
		t.Errorf("%+v", st)
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("most: %d\n", u.Maxrss<<10)
}
