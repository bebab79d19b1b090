package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/proc"
)

// Options say how long and how much.
type Options struct {
	For     time.Duration
	Clients int
	Rate    int // requests a second of all clients together; 0 for as many as they can
	Wedge   string
	Log     func(format string, args ...any)
}

// A Report is what happened.
type Report struct {
	Requests   map[string]int // by kind
	Faults     int64          // of the origin, on purpose
	Operations map[string]int
	Wrong      []string // what nobody injected, the first of them
	WrongCount int
	Samples    []Sample
}

// A Sample is the node at one time.
type Sample struct {
	Memory     int64
	Goroutines int
}

const configuration = `listen: {http: "%s"}
admin: {listen: "%s"}
data: data
memory: 192MiB
cache: {memory: 32MiB, disk: 128MiB}
access_log: {file: access.log}
functions: [{name: f, limits: {cpu: 50ms}}, {name: loop, module: loop.wasm, limits: {cpu: 10ms}}, {name: trap, module: trap.wasm}]
origins: [{name: o, servers: [{url: "http://%s"}]}]
sites: [{hosts: ["*"], origin: o, routes: [{path: /function/*, functions: [f]}, {path: /loop/*, functions: [loop]}, {path: /trap/*, functions: [trap]}]}]
`

// Soak runs a node in a folder and says how it was. The report is there also after an error.
func Soak(ctx context.Context, dir string, how Options) (*Report, error) {
	o, err := newOrigin()
	if err != nil {
		return nil, err
	}
	defer o.server.Close()
	addr, err1 := freeAddr()
	admin, err2 := freeAddr()
	file := filepath.Join(dir, "wedge.yaml")
	err = errors.Join(err1, err2, os.WriteFile(file, fmt.Appendf(nil, configuration, addr, admin, o.addr), 0o600))
	for i := range 4 { // versions of the function
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d.wasm", i)), setter(fmt.Sprintf("see%d", i)), 0o600))
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(dir, "loop.wasm"), looper(), 0o600), os.WriteFile(filepath.Join(dir, "trap.wasm"), trapper(), 0o600))
	if err != nil {
		return nil, err
	}
	node := exec.Command(how.Wedge, "serve", "--config", file)
	node.Dir = dir
	log, err := os.Create(filepath.Join(dir, "node.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	node.Stdout, node.Stderr = log, log
	if err := node.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Wait() }()
	s := &soak{how: how, dir: dir, node: addr, admin: admin, file: file, report: &Report{Requests: map[string]int{}, Operations: map[string]int{}}}
	err = s.play(ctx, node.Process.Pid, ended)
	s.report.Faults = o.faults.Load()
	_ = node.Process.Signal(syscall.SIGTERM)
	select {
	case e := <-ended:
		if e != nil && err == nil {
			err = fmt.Errorf("the node ended with: %w", e)
		}
	case <-time.After(40 * time.Second):
		_ = node.Process.Kill()
		err = errors.Join(err, errors.New("the node did not stop within 40 s of SIGTERM"))
	}
	if err == nil {
		err = s.report.verdict()
	}
	if err != nil {
		b, _ := os.ReadFile(log.Name())
		err = fmt.Errorf("%w\nthe node's last words:\n%s", err, b[max(0, len(b)-1500):])
	}
	return s.report, err
}

type soak struct {
	how                    Options
	dir, node, admin, file string

	mu     sync.Mutex // guards report
	report *Report
}

// play has clients and an operator at work until the time is over.
func (s *soak) play(ctx context.Context, pid int, ended <-chan error) error {
	for limit := time.Now().Add(time.Minute); ; {
		if _, err := s.sample(pid); err == nil {
			break
		} else if time.Now().After(limit) {
			return fmt.Errorf("the node does not come up: %w", err)
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the node ended at once: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := s.operate("deploy", "function", "deploy", "f", filepath.Join(s.dir, "f0.wasm")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.how.For)
	defer cancel()
	var turn <-chan time.Time
	if s.how.Rate > 0 {
		t := time.NewTicker(time.Second / time.Duration(s.how.Rate))
		defer t.Stop()
		turn = t.C
	}
	var wg sync.WaitGroup
	for i := range s.how.Clients {
		c := &client{node: s.node, tell: s.tell, turn: turn, rand: rand.New(rand.NewPCG(uint64(i), 5)),
			http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, DisableCompression: true}}}
		wg.Go(func() { c.run(ctx) })
	}
	wg.Go(func() { s.operator(ctx) })
	every := max(s.how.For/400, 100*time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	start, next := time.Now(), s.how.For/10
	var err error
	for ctx.Err() == nil && err == nil {
		select {
		case <-tick.C:
			var now Sample
			if now, err = s.sample(pid); err == nil {
				s.report.Samples = append(s.report.Samples, now)
				if time.Since(start) > next {
					next += s.how.For / 10
					s.mu.Lock()
					s.how.Log("soak: %3.0f %%, %d requests, %d wrong, %d MiB, %d goroutines\n", 100*time.Since(start).Seconds()/s.how.For.Seconds(), s.report.total(), s.report.WrongCount, now.Memory>>20, now.Goroutines)
					s.mu.Unlock()
				}
			}
		case e := <-ended:
			err = fmt.Errorf("the node ended in the middle: %v", e)
		case <-ctx.Done():
		}
	}
	cancel()
	wg.Wait()
	return err
}

func (s *soak) tell(kind string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Requests[kind]++
	if err != nil {
		s.wrong(err)
	}
}

// wrong notes what should not have been; the caller holds mu.
func (s *soak) wrong(err error) {
	s.report.WrongCount++
	if len(s.report.Wrong) < 20 {
		s.report.Wrong = append(s.report.Wrong, err.Error())
	}
}

// operator deploys, rolls back, purges and reloads, by the command line.
func (s *soak) operator(ctx context.Context) {
	url := "http://" + s.node
	for i := 0; ctx.Err() == nil; i++ {
		var err error
		switch i % 8 {
		case 0, 4:
			err = s.operate("deploy", "function", "deploy", "f", filepath.Join(s.dir, fmt.Sprintf("f%d.wasm", i/4%4)))
		case 1:
			err = s.operate("purge url", "cache", "purge", "--yes", "--url", fmt.Sprintf("%s/keep/100/%d", url, i%49*7))
		case 2:
			err = s.operate("purge prefix", "cache", "purge", "--yes", "--prefix", url+"/vary/")
		case 3:
			err = s.operate("purge softly", "cache", "purge", "--yes", "--soft", "--prefix", url+"/keep/1")
		case 5:
			err = s.operate("reload", "config", "apply", s.file)
		case 6:
			err = s.operate("rollback", "function", "rollback", "f")
		case 7:
			err = s.operate("purge all", "cache", "purge", "--yes", "--all")
		}
		if err != nil && ctx.Err() == nil {
			s.mu.Lock()
			s.wrong(err)
			s.mu.Unlock()
		}
		select {
		case <-time.After(min(2*time.Second, s.how.For/40)):
		case <-ctx.Done():
		}
	}
}

func (s *soak) operate(name string, args ...string) error {
	cmd := exec.Command(s.how.Wedge, append(args, "--node", s.admin)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	s.mu.Lock()
	s.report.Operations[name]++
	s.mu.Unlock()
	return nil
}

// sample asks the node's metrics for its goroutines, and the kernel for its memory.
func (s *soak) sample(pid int) (now Sample, err error) {
	if now.Memory, err = proc.Memory([]int{pid}); err != nil {
		return now, err
	}
	r, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		return now, err
	}
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			now.Goroutines, err = strconv.Atoi(v)
			return now, err
		}
	}
	return now, errors.New("the metrics have no go_goroutines")
}

func (r *Report) total() (n int) {
	for _, k := range r.Requests {
		n += k
	}
	return n
}

// verdict says what was not as it should be. Memory and goroutines are medians of the second and of the last quarter.
func (r *Report) verdict() error {
	if r.WrongCount > 0 {
		return fmt.Errorf("%d answers were wrong that nobody injected, the first:\n%s", r.WrongCount, strings.Join(r.Wrong, "\n"))
	}
	for _, kind := range []string{"keep", "function", "brief", "stale", "vary", "pass", "slow", "error", "cut", "reset", "range", "head", "abandoned", "loop", "trap"} {
		if r.Requests[kind] == 0 {
			return fmt.Errorf("there was no request of the kind %q: the time was too short", kind)
		}
	}
	if r.Faults == 0 {
		return errors.New("the origin had no fault")
	}
	early, late, ok := r.quarters()
	if !ok {
		return errors.New("there are too few samples of memory and goroutines")
	}
	if late.Memory > early.Memory+early.Memory/10+16<<20 {
		return fmt.Errorf("memory grows: %d MiB in the second quarter, %d in the last", early.Memory>>20, late.Memory>>20)
	}
	if late.Goroutines > early.Goroutines+early.Goroutines/10+20 {
		return fmt.Errorf("goroutines grow: %d in the second quarter, %d in the last", early.Goroutines, late.Goroutines)
	}
	return nil
}

func (r *Report) quarters() (early, late Sample, ok bool) {
	n := len(r.Samples) / 4
	if n < 3 {
		return early, late, false
	}
	middle := func(s []Sample) Sample {
		var memory []int64
		var goroutines []int
		for _, x := range s {
			memory, goroutines = append(memory, x.Memory), append(goroutines, x.Goroutines)
		}
		slices.Sort(memory)
		slices.Sort(goroutines)
		return Sample{memory[len(memory)/2], goroutines[len(goroutines)/2]}
	}
	return middle(r.Samples[n : 2*n]), middle(r.Samples[len(r.Samples)-n:]), true
}

func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests:", r.total())
	for _, kind := range slices.Sorted(maps.Keys(r.Requests)) {
		fmt.Fprintf(&b, " %s %d", kind, r.Requests[kind])
	}
	fmt.Fprintf(&b, "\n%d faults of the origin on purpose, %d wrong answers\noperations:", r.Faults, r.WrongCount)
	for _, name := range slices.Sorted(maps.Keys(r.Operations)) {
		fmt.Fprintf(&b, " %s %d,", name, r.Operations[name])
	}
	if early, late, ok := r.quarters(); ok {
		fmt.Fprintf(&b, "\nmemory %.1f MiB in the second quarter, %.1f in the last; goroutines %d and %d\n", float64(early.Memory)/(1<<20), float64(late.Memory)/(1<<20), early.Goroutines, late.Goroutines)
	}
	return b.String()
}

// freeAddr is an address on loopback that nobody listens on now.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
