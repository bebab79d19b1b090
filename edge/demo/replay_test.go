package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/journal"
	"github.com/wedgecdn/wedge/hostapi/replay"
)

// What the example functions did on a node they do again, to the bit and the unit of fuel, compiled and interpreted: 12 exchanges, or 1 000 if
// WEDGE_PROOF is 1. Credentials, cookies, counters and lookups are among them, and no secret is in the file.
func TestReplayOfTheExamples(t *testing.T) {
	needsExamples(t)
	n := 12
	if os.Getenv("WEDGE_PROOF") != "" {
		n = 1000
	}
	d := open(t)
	file := record(t, d, n, func(i int) (uri string, fields []string) {
		switch i % 10 {
		case 0:
			return "/members/log", []string{"Authorization", "Bearer " + d.folder.token}
		case 1:
			return "/members/log", []string{"X-Api-Key", d.folder.apiKey}
		case 2:
			return "/members/log", []string{"X-Api-Key", fmt.Sprint("guess ", i)}
		case 3:
			return "/", nil // drawn by lot
		case 4:
			return fmt.Sprintf("/?n=%d", i), []string{"Cookie", cohortCookie + "=night"}
		case 5:
			return fmt.Sprintf("/search?utm_medium=x&sort=year&q=%d&gclid=1", i), nil
		case 6:
			return "/lights/saint-orla", []string{"User-Agent", "Phone Mobile"}
		case 7:
			return "/old/lights.html", nil
		case 8:
			return fmt.Sprintf("/none/%d", i), nil
		default:
			return fmt.Sprintf("/assets/site.css?v=%d", i), []string{"Accept-Encoding", "gzip"}
		}
	})
	if bytes.Contains(file, []byte(strings.Split(string(d.folder.public), "\n")[1])) {
		t.Error("the secret of auth is in the file")
	}
	for _, interpreter := range []bool{false, true} {
		t.Run(map[bool]string{false: "compiled", true: "interpreted"}[interpreter], func(t *testing.T) {
			exchanges, hooks := replayed(t, file, interpreter)
			if exchanges != n {
				t.Errorf("%d exchanges, want %d", exchanges, n)
			}
			t.Logf("%d exchanges, %d hooks, %d bytes of file", exchanges, hooks, len(file))
		})
	}
}

// record asks for n URLs while the node records.
func record(t *testing.T, d *Demo, n int, ask func(i int) (uri string, fields []string)) []byte {
	t.Helper()
	body := strings.NewReader(fmt.Sprintf(`{"count":%d}`, n))
	q, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+d.node.AdminAddr()+"/v1/record", body)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+d.folder.operator)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		b, _ := io.ReadAll(res.Body)
		t.Fatalf("%s: %s", res.Status, b)
	}
	v := newVisitor(d.node.Addr())
	defer v.close()
	whole := make(chan []byte)
	go func() {
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		whole <- b
	}()
	for i := 0; ; i++ {
		select {
		case b := <-whole:
			return b
		default:
		}
		uri, fields := ask(i)
		if r := v.get(t.Context(), request{uri: uri, fields: fields}); r.err != nil {
			t.Fatalf("%s: %v", uri, r.err)
		}
	}
}

// replayed runs all of a file and compares.
func replayed(t *testing.T, file []byte, interpreter bool) (exchanges, hooks int) {
	t.Helper()
	p, err := replay.New(replay.Options{Interpreter: interpreter, CacheDir: compiled})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := journal.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for bad := 0; bad < 5; {
		x, err := r.Next()
		if errors.Is(err, io.EOF) {
			return exchanges, hooks
		}
		if err != nil {
			t.Fatal(err)
		}
		exchanges++
		if len(x.Runs) == 0 {
			t.Errorf("%s %s: no function ran", x.Method, x.URL)
		}
		other := ""
		for _, run := range x.Runs {
			if exchanges == 1 && !interpreter && other != "" && other != run.Version { // a test that cannot fail would be none
				if got, err := p.Run(t.Context(), x, run, r.Code(other)); err != nil || len(replay.Compare(run, got)) == 0 {
					t.Errorf("%s with another function's code does the same: %v", run.Function, err)
				}
			}
			other = run.Version
			if run.Cut != "" {
				t.Errorf("%s: %s: %s", x.URL, run.Function, run.Cut)
			}
			got, err := p.Run(t.Context(), x, run, r.Code(run.Version))
			if err != nil {
				t.Fatalf("%s: %s: %v", x.URL, run.Function, err)
			}
			hooks += len(got.Steps)
			for _, diff := range replay.Compare(run, got) {
				bad++
				t.Errorf("%s: %s %s: recorded\n%sreplayed\n%s", x.URL, run.Function, diff.Hook, diff.Want, diff.Got)
			}
		}
	}
	return exchanges, hooks
}
