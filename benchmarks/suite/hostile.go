package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/load"
)

const (
	spinners    = 4    // clients of the function that never ends
	hostileRate = 2000 // good requests a second
	// silence is after how long without any answer a server counts as stopped.
	silence = 5 * time.Second
)

// hostile measures a round of good requests at a fixed rate, then another while others ask for a function that never ends.
func (b *bench) hostile(s *Scenario, v *server, _ float64) error {
	next := func(int) *load.Shot { return &v.shots[0] }
	v.client.Patience = silence
	var alone, beside *load.Result
	calls := [3]functionTime{}
	calls[0] = v.functionTime(s.Function)
	cpu, seen, err := v.used(func() (err error) {
		alone, err = v.client.Open(s.Requests, hostileRate, next)
		return err
	})
	if err != nil {
		return err
	}
	calls[1] = v.functionTime(s.Function)
	c := spin(v.proc.Addr)
	_, seen2, err := v.used(func() (err error) {
		beside, err = v.client.Open(s.Requests, hostileRate, next)
		return err
	})
	ended := c.leave()
	// Some go on with a request whose function was ended, to the origin.
	strays := seen.Requests + seen2.Requests - ended - spinners
	if errors.Is(err, load.ErrSilent) {
		return fmt.Errorf("beside %d clients of a function that never ends it answered %d of %d good requests, then nobody for %v", spinners, beside.Requests, s.Requests, silence)
	}
	if err != nil {
		return err
	}
	calls[2] = v.functionTime(s.Function)
	if strays > 0 {
		return fmt.Errorf("of hits the origin saw %d", strays)
	}
	if ended == 0 {
		return errors.New("no loop was ended, and still it answers: the function does not run")
	}
	if err := v.weigh(); err != nil {
		return err
	}
	v.row.Requests = s.Requests
	v.row.CPU = append(v.row.CPU, perRequest(cpu, alone))
	v.row.Throughput = append(v.row.Throughput, float64(beside.Requests)/beside.Took.Seconds())
	v.row.Alone = append(v.row.Alone, latencies(&alone.Latency))
	v.row.Latency = append(v.row.Latency, latencies(&beside.Latency))
	v.row.Ended = append(v.row.Ended, ended)
	v.row.Calls = [2]float64{calls[0].to(calls[1]), calls[1].to(calls[2])}
	return nil
}

// looping are clients of a function that never ends.
type looping struct {
	mu    sync.Mutex // guards conns and gone
	conns map[net.Conn]bool
	gone  bool
	ended atomic.Int64
	wg    sync.WaitGroup
}

// spin has the clients ask, again after each answer.
func spin(addr string) *looping {
	l := &looping{conns: map[net.Conn]bool{}}
	for range spinners {
		l.wg.Go(func() {
			for l.one(addr) {
			}
		})
	}
	return l
}

// one asks over a connection of its own until that ends, and says whether there is to be another.
func (l *looping) one(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	l.mu.Lock()
	if l.gone {
		l.mu.Unlock()
		return false
	}
	l.conns[c] = true
	l.mu.Unlock()
	r := bufio.NewReader(c)
	for {
		if _, err := io.WriteString(c, "GET /spin/ HTTP/1.1\r\nHost: bench.example\r\n\r\n"); err != nil {
			break
		}
		a, err := http.ReadResponse(r, nil)
		if err != nil {
			break
		}
		_, err = io.Copy(io.Discard, a.Body)
		l.ended.Add(1)
		if err != nil || a.Close {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	return !l.gone
}

// leave ends the clients and says how many of their requests were answered: their function was ended.
func (l *looping) leave() int {
	l.mu.Lock()
	l.gone = true
	for c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
	return int(l.ended.Load())
}

// functionTime is what a server says that a function has taken until now.
type functionTime struct{ seconds, calls float64 }

// to is µs a call from one time to another; 0 if there were none.
func (a functionTime) to(b functionTime) float64 {
	if b.calls <= a.calls {
		return 0
	}
	return rounded(1e6*(b.seconds-a.seconds)/(b.calls-a.calls), 3)
}

// functionTime reads the metrics of a server that has them.
func (v *server) functionTime(name string) (t functionTime) {
	if v.proc.Metrics == "" {
		return t
	}
	r, err := http.Get(v.proc.Metrics)
	if err != nil {
		return t
	}
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		series, value, _ := strings.Cut(lines.Text(), "} ")
		var n float64
		if _, err := fmt.Sscan(value, &n); err != nil || !strings.Contains(series, fmt.Sprintf("function=%q", name)) {
			continue
		}
		switch {
		case strings.HasPrefix(series, "wedge_function_cpu_seconds_total{"):
			t.seconds += n
		case strings.HasPrefix(series, "wedge_function_calls_total{"):
			t.calls += n
		}
	}
	return t
}
