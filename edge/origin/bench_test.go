//go:build unix

package origin

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// BenchmarkSend compares a request here with one by net/http's Transport, to
// the same server on loopback, which answers with as little work as possible:
// the figures contain it. What a miss costs the whole node is the scenario miss
// of benchmarks/suite.
func BenchmarkSend(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"4KiB", 4 << 10}, {"1MiB", 1 << 20}} {
		answer := []byte("HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 22:00:00 GMT\r\nContent-Type: text/plain\r\nCache-Control: max-age=60\r\nETag: \"e\"\r\nServer: x\r\nContent-Length: " +
			strconv.Itoa(size.n) + "\r\n\r\n" + strings.Repeat("x", size.n))
		url, _ := listen(b, func(_ int64, c *net.TCPConn, r *bufio.Reader) {
			for {
				for {
					l, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(l) == 2 {
						break
					}
				}
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		})
		fields := []string{"Accept: */*", "Accept-Encoding: gzip", "User-Agent: bench", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "Via: 1.1 node-a", "CDN-Loop: node-a"}
		b.Run(size.name+"/origin", func(b *testing.B) {
			w := of(b, Options{}, Settings{}, url)
			b.ReportAllocs()
			defer cpu(b)()
			b.RunParallel(func(pb *testing.PB) {
				x := request("GET /a?b=c", fields...)
				defer x.Release()
				for pb.Next() {
					if err := w.u.Send(context.Background(), x, "shop"); err != nil {
						b.Fatal(err)
					}
					if _, err := x.Response.Body.WriteTo(io.Discard); err != nil {
						b.Fatal(err)
					}
					x.Response.Body.Close()
				}
			})
		})
		b.Run(size.name+"/nethttp", func(b *testing.B) {
			tr := &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}
			defer tr.CloseIdleConnections()
			b.ReportAllocs()
			defer cpu(b)()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := http.NewRequest("GET", url+"/a?b=c", nil)
					if err != nil {
						b.Fatal(err)
					}
					for _, f := range fields {
						name, value, _ := strings.Cut(f, ": ")
						r.Header[name] = []string{value}
					}
					resp, err := tr.RoundTrip(r)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, resp.Body); err != nil {
						b.Fatal(err)
					}
					resp.Body.Close()
				}
			})
		})
	}
}

// cpu reports the processor time of the whole process for each operation.
func cpu(b *testing.B) func() {
	used := func() (ns int64) {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}
