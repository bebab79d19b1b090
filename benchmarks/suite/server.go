package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/load"
	"github.com/wedgecdn/wedge/benchmarks/origin"
	"github.com/wedgecdn/wedge/benchmarks/proc"
	"github.com/wedgecdn/wedge/benchmarks/rival"
)

// A server is a rival that runs, with its own origin and the client's connections to it.
type server struct {
	rival  rival.Rival
	proc   *rival.Process
	origin string
	client *load.Client
	row    Row
	dir    string
	fresh  int         // the next id that was not asked for
	shots  []load.Shot // for what is asked for again and again
	stop   []func()
}

// portion is the scenario with as many requests as the server is given.
func (v *server) portion(s *Scenario) *Scenario {
	own := *s
	own.Requests = max(s.Requests/v.rival.Portion(), 1)
	return &own
}

// start runs a rival for a scenario. What was started is in stop also after an error.
func (b *bench) start(s *Scenario, r rival.Rival) (*server, error) {
	v := &server{rival: r, row: Row{Scenario: s.Name, Server: r.Name()}}
	var err error
	if v.dir, err = os.MkdirTemp("", "wedge-bench-"); err != nil {
		return v, err
	}
	v.stop = append(v.stop, func() { os.RemoveAll(v.dir) })
	if err := os.Chmod(v.dir, 0o755); err != nil {
		return v, err
	}
	if err := b.startOrigin(v); err != nil {
		return v, err
	}
	job := b.job(s)
	job.Origin = v.origin
	err = proc.On(b.serverCores, func() (err error) {
		v.proc, err = r.Start(v.dir, job)
		return err
	})
	if v.proc != nil {
		v.stop = append(v.stop, v.proc.Stop)
	}
	if err != nil {
		return v, err
	}
	// Some accept before they can answer: a function may have to be compiled first, and a client is patient for 20 s.
	for limit := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err = b.ask(s, v); err == nil {
			break
		}
		if time.Now().After(limit) {
			return v, fmt.Errorf("%w; it said:\n%s", err, v.proc.Log())
		}
	}
	if s.Over != "" {
		return v, nil
	}
	v.client, err = load.Dial(v.proc.Addr, s.Conns)
	if err == nil {
		v.stop = append(v.stop, v.client.Close)
	}
	return v, err
}

// ask asks once, as the scenario's clients do.
func (b *bench) ask(s *Scenario, v *server) error {
	if s.Over != "" {
		return b.inspect(s, v)
	}
	c, err := load.Dial(v.proc.Addr, 1)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Closed(1, func(int) *load.Shot { return b.shot(s, 1) })
	return err
}

func (b *bench) job(s *Scenario) rival.Job {
	memory := s.MemoryMB
	if memory == 0 {
		memory = 256
	}
	job := rival.Job{Cache: s.Kind != Miss, Asks: s.Kind == Miss || s.Kind == Revalidate || s.Kind == Collapse || s.Kind == Zipf, Function: s.Function, MemoryMB: memory, DiskMB: s.DiskMB,
		Cores: len(b.serverCores), Revalidate: s.Kind == Revalidate, Modules: b.modules[s.Function],
		Over: s.Over, Deploys: s.Kind == Deploy, Body: b.body(s.Class, s.Size, 1)}
	if s.Kind == Hostile {
		job.Spin = b.modules["spin"]["c"].File
		if job.Spin == "" {
			job.Spin = "missing" // rivals do without; for the node the function ua lacks its compiler as well
		}
	}
	return job
}

func (b *bench) startOrigin(v *server) error {
	cmd := exec.Command(b.self, "serve-origin", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	v.stop = append(v.stop, func() { in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	v.origin = strings.TrimSpace(line)
	return nil
}

// end stops everything, the last first.
func (v *server) end() {
	for i := len(v.stop) - 1; i >= 0; i-- {
		v.stop[i]()
	}
	v.stop = nil
}

const agent = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36"

// shot is a request for the object and what must come back.
func (b *bench) shot(s *Scenario, id int) *load.Shot {
	return b.shotOf(s, s.Class, s.Size, id)
}

func (b *bench) shotOf(s *Scenario, class string, size, id int) *load.Shot {
	shot := &load.Shot{Status: 200, Body: b.body(class, size, id)}
	more := ""
	switch s.Function {
	case "ua":
		shot.Field, shot.Value = "X-Device", "mobile"
	case "ab":
		more = "Cookie: theme=dark; cohort=b\r\n"
		shot.Field, shot.Value = "X-Cohort", "b"
	case "jwt":
		more = "X-Token: " + token(4102444800) + "\r\n" // 2100
	case "rewrite":
		shot.Body = bytes.ReplaceAll(shot.Body, []byte("a"), []byte("4"))
	case "json":
		shot.Body = origin.Sum(size, id)
	case "kv":
		key, value := rival.Link(id)
		more = "X-Key: " + key + "\r\n"
		shot.Field, shot.Value = "X-Link", value
	}
	shot.Request = []byte("GET " + origin.Path("p", class, size, id) + " HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: " + agent + "\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n" + more + "\r\n")
	return shot
}

// body is what the origin has.
func (b *bench) body(class string, size, id int) []byte {
	if class == "json" {
		return origin.Document(size, id)
	}
	return b.bodies.Body(size, id)
}

// worded is the request of a client without a mobile device, to whom the function must say the word.
func (b *bench) worded(s *Scenario, word string) *load.Shot {
	shot := b.shot(s, 1)
	shot.Request = bytes.ReplaceAll(shot.Request, []byte("Mobile "), nil)
	shot.Value = word
	return shot
}

// refused is the request for an object with a token that has ended, which the function must not let pass.
func (b *bench) refused(s *Scenario) *load.Shot {
	shot := b.shot(s, 1)
	shot.Status, shot.Body, shot.AnyBody = 401, nil, true
	shot.Request = bytes.ReplaceAll(shot.Request, []byte(token(4102444800)), []byte(token(1)))
	return shot
}

// token is a JWT that ends at a time, with the key that the functions have.
func token(ends int64) string {
	code := base64.RawURLEncoding
	text := code.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + code.EncodeToString(fmt.Appendf(nil, `{"sub":"keeper","exp":%d,"aud":"bench"}`, ends))
	mac := hmac.New(sha256.New, []byte("a key that is only for measuring"))
	mac.Write([]byte(text))
	return text + "." + code.EncodeToString(mac.Sum(nil))
}

// used measures what f has the server use of processor time, and the origin see.
func (v *server) used(f func() error) (cpu time.Duration, seen origin.Counts, err error) {
	before, err := origin.Count(v.origin)
	if err != nil {
		return 0, seen, err
	}
	pids, err := proc.Tree(v.proc.PID)
	if err != nil {
		return 0, seen, err
	}
	start, err := proc.CPU(pids)
	if err != nil {
		return 0, seen, fmt.Errorf("%w; it said:\n%s", err, v.proc.Log())
	}
	if err := f(); err != nil {
		return 0, seen, fmt.Errorf("%w; it said:\n%s", err, v.proc.Log())
	}
	end, err := proc.CPU(pids)
	if err != nil {
		return 0, seen, err
	}
	after, err := origin.Count(v.origin)
	seen.Requests, seen.NotModified = after.Requests-before.Requests, after.NotModified-before.NotModified
	return end - start, seen, err
}

// weigh notes what the server takes of the memory now.
func (v *server) weigh() error {
	pids, err := proc.Tree(v.proc.PID)
	if err != nil {
		return err
	}
	n, err := proc.Memory(pids)
	v.row.MemoryMB = rounded(float64(n)/(1<<20), 1)
	return err
}
