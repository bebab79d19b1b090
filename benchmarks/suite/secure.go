package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/load"
	"github.com/wedgecdn/wedge/benchmarks/origin"
	"github.com/wedgecdn/wedge/benchmarks/rival"
)

// streams is how many requests an HTTP/2 connection has under way.
const streams = 8

// inspect asks once over TLS, and compares what comes byte for byte; the protocol has to be the wanted one.
func (b *bench) inspect(s *Scenario, v *server) error {
	t := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, ServerName: "bench.example"}, // it signed itself a moment ago
		ForceAttemptHTTP2: s.Over == rival.HTTP2,
	}
	if s.Over == rival.TLS {
		t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	defer t.CloseIdleConnections()
	r, err := http.NewRequest(http.MethodGet, "https://"+v.proc.Addr+origin.Path("p", s.Class, s.Size, 1), nil)
	if err != nil {
		return err
	}
	r.Host = "bench.example"
	a, err := (&http.Client{Transport: t, Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		return err
	}
	if want := map[string]int{rival.TLS: 1, rival.HTTP2: 2}[s.Over]; a.StatusCode != 200 || a.ProtoMajor != want || !bytes.Equal(body, b.bodies.Body(s.Size, 1)) {
		return fmt.Errorf("status %d, %s, a body of %d bytes that is %v", a.StatusCode, a.Proto, len(body), map[bool]string{true: "right", false: "wrong"}[bytes.Equal(body, b.bodies.Body(s.Size, 1))])
	}
	return nil
}

// secure has h2load send the requests of a round. It reads bodies but does not look at them: their bytes are counted, and one is
// compared before and after the round.
func (b *bench) secure(s *Scenario, v *server, n int) (*load.Result, error) {
	command, err := exec.LookPath("h2load")
	if err != nil {
		return nil, errors.New("h2load is not installed: make bench-rivals (Debian's package nghttp2-client)")
	}
	log := filepath.Join(v.dir, "h2load.log")
	defer os.Remove(log)
	// An address would not be sent as SNI; its name is resolved by h2load to where the server is.
	_, port, err := net.SplitHostPort(v.proc.Addr)
	if err != nil {
		return nil, err
	}
	args := []string{"-n", strconv.Itoa(n), "-c", strconv.Itoa(s.Conns), "-t", "1", "-m", strconv.Itoa(streams), "--log-file", log, "--connect-to", v.proc.Addr}
	if s.Over == rival.TLS {
		args = append(args, "--h1", "-m", "1")
	}
	out, err := exec.Command(command, append(args, "https://bench.example:"+port+origin.Path("p", s.Class, s.Size, 1))...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("h2load: %w: %s", err, out)
	}
	return readH2load(string(out), log, n, s.Size, s.Over)
}

// readH2load takes the figures from what h2load prints, and from its log: a line for each request with its beginning, status and µs.
func readH2load(out, log string, n, size int, over string) (*load.Result, error) {
	number := func(pattern string) float64 {
		m := regexp.MustCompile(pattern).FindStringSubmatch(out)
		if m == nil {
			return -1
		}
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return -1
		}
		return v
	}
	took := regexp.MustCompile(`finished in (\S+),`).FindStringSubmatch(out)
	good, data := number(`status codes: (\d+) 2xx`), number(`headers \(space savings [^)]*\), \S+ \((\d+)\) data`)
	protocol := map[string]string{rival.TLS: "http/1.1", rival.HTTP2: "h2"}[over]
	switch {
	case took == nil:
		return nil, fmt.Errorf("h2load says no time: %s", out)
	case int(good) != n || int(data) != n*size:
		return nil, fmt.Errorf("h2load: %.0f of %d requests were answered with 2xx, by %.0f bytes of %d: %s", good, n, data, n*size, out)
	case !strings.Contains(out, "Application protocol: "+protocol+"\n"):
		return nil, fmt.Errorf("h2load: not by %s: %s", protocol, out)
	}
	r := &load.Result{Requests: n, Bytes: int64(data)}
	var err error
	if r.Took, err = time.ParseDuration(took[1]); err != nil {
		return nil, fmt.Errorf("h2load: %w", err)
	}
	f, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var at, status, micro int64
		if _, err := fmt.Sscan(lines.Text(), &at, &status, &micro); err != nil || status != 200 {
			return nil, fmt.Errorf("h2load's log: %q: %v", lines.Text(), err)
		}
		r.Latency.Record(time.Duration(micro) * time.Microsecond)
	}
	if r.Latency.Count != n {
		return nil, fmt.Errorf("h2load's log has %d requests of %d", r.Latency.Count, n)
	}
	return r, nil
}
