// Command hit measures what a cache hit of 1 KiB costs a node, access log and
// metrics on, against a bare fasthttp handler that answers the same bytes.
//
// Both run as processes of their own. One client, in this process, asks them in
// turns over the same number of keep-alive connections; what is compared is the
// processor time of the servers, which other load on the machine disturbs far
// less than time by the clock. Ratios within one run are what counts. Beside it
// stand the objects that a server allocates for a request.
//
//	go run ./hit [-rounds 20] [-requests 20000] [-connections 16] [-profile FOLDER]
package main

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3])
		return
	}
	rounds := flag.Int("rounds", 20, "rounds, in each of which every server is measured once")
	requests := flag.Int("requests", 20000, "requests a round and server")
	connections := flag.Int("connections", 16, "keep-alive connections")
	names := flag.String("servers", "bare,wedge,wedge+function", "what is measured; the first is what the others are compared with")
	profile := flag.String("profile", "", "`folder` for processor profiles of the servers")
	flag.Parse()
	if err := run(strings.Split(*names, ","), *profile, *rounds, *requests, *connections); err != nil {
		fmt.Fprintln(os.Stderr, "hit:", err)
		os.Exit(1)
	}
}

type server struct {
	name   string
	cmd    *exec.Cmd
	addr   string
	conns  []net.Conn
	stdin  io.WriteCloser
	stdout *bufio.Reader
	length int       // of a response, with its head
	cpu    []float64 // µs a request, by round
	allocs []float64 // a request, by round
}

func run(names []string, profile string, rounds, requests, connections int) error {
	var all []*server
	for _, name := range names {
		s, err := start(name, profile, connections)
		if s != nil {
			defer s.stop()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, s)
	}
	want, err := same(all)
	if err != nil {
		return err
	}
	for r := range rounds + 1 {
		for i := range all {
			s := all[(i+r)%len(all)]
			allocated, err := s.allocated()
			before := s.used()
			if err == nil {
				err = s.load(requests)
			}
			used := s.used() - before
			now, err2 := s.allocated()
			if err := cmp.Or(err, err2); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if r > 0 { // the first round warms up
				s.cpu = append(s.cpu, float64(used.Nanoseconds())/1e3/float64(requests))
				s.allocs = append(s.allocs, float64(now-allocated)/float64(requests))
			}
		}
	}
	fmt.Printf("%s, %s/%s, %d processors; %d rounds of %d requests, %d connections, response of %d bytes\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds, requests, connections, want)
	fmt.Printf("%-16s %12s %12s %12s %8s %12s\n", "server", "min µs CPU", "median", "max", "ratio", "allocations")
	for _, s := range all {
		fmt.Printf("%-16s %12.2f %12.2f %12.2f %8.2f %12.3f\n", s.name, slices.Min(s.cpu), median(s.cpu), slices.Max(s.cpu), median(ratios(s.cpu, all[0].cpu)), median(s.allocs))
	}
	return nil
}

// ratios compares round by round: both were measured under the same weather.
func ratios(a, b []float64) (r []float64) {
	for i := range a {
		r = append(r, a[i]/b[i])
	}
	return r
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

func start(name, profile string, connections int) (*server, error) {
	s := &server{name: name, cmd: exec.Command(os.Args[0], "serve", name, profile)}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if s.stdin, err = s.cmd.StdinPipe(); err != nil { // it ends with us
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.stdout = bufio.NewReader(out)
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		return s, fmt.Errorf("did not start: %w", err)
	}
	s.addr = strings.TrimSpace(line)
	for range connections {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			return s, err
		}
		s.conns = append(s.conns, c)
	}
	return s, nil
}

func (s *server) stop() {
	for _, c := range s.conns {
		c.Close()
	}
	s.stdin.Close()
	s.cmd.Wait()
}

// used is the processor time of the server's process so far.
func (s *server) used() time.Duration {
	var ts unix.Timespec
	// The clock of another process, see clock_getcpuclockid(3).
	if err := unix.ClockGettime(int32(^s.cmd.Process.Pid<<3|2), &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// allocated is how many objects the server has allocated so far.
func (s *server) allocated() (int64, error) {
	if _, err := io.WriteString(s.stdin, "\n"); err != nil {
		return 0, err
	}
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(line), 10, 64)
}

const request = "GET /1k HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n"

// same asks every server once and checks that their answers have one length,
// which it returns.
func same(all []*server) (int, error) {
	want := 0
	for _, s := range all {
		var n int
		var head string
		for range 3 { // the first is a miss
			if _, err := io.WriteString(s.conns[0], request); err != nil {
				return 0, err
			}
			r := bufio.NewReader(s.conns[0])
			head, n = "", 0
			length := 0
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return 0, fmt.Errorf("%s: %w", s.name, err)
				}
				head += line
				if v, ok := strings.CutPrefix(strings.ToLower(line), "content-length: "); ok {
					length, _ = strconv.Atoi(strings.TrimSpace(v))
				}
				if line == "\r\n" {
					break
				}
			}
			if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
				return 0, err
			}
			n = len(head) + length
		}
		if want == 0 {
			want = n
		}
		s.length = n
		if !strings.HasPrefix(head, "HTTP/1.1 200") || n != want && !strings.Contains(head, "X-Fn: seen") {
			return 0, fmt.Errorf("%s answers %d bytes, %s %d:\n%s", s.name, n, all[0].name, want, head)
		}
	}
	return want, nil
}

// load sends the requests over the server's connections, one at a time on each.
func (s *server) load(requests int) error {
	var wg sync.WaitGroup
	errs := make([]error, len(s.conns))
	for i, c := range s.conns {
		wg.Go(func() {
			buf := make([]byte, s.length)
			for range requests / len(s.conns) {
				if _, err := io.WriteString(c, request); err != nil {
					errs[i] = err
					return
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return cmp.Or(errs...)
}
