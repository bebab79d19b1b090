package journal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

func TestText(t *testing.T) {
	f := func(s string) {
		t.Helper()
		b, err := json.Marshal(Text(s))
		if err != nil {
			t.Fatal(err)
		}
		var got Text
		if err := json.Unmarshal(b, &got); err != nil || string(got) != s {
			t.Errorf("%q: %s, then %q, %v", s, b, got, err)
		}
	}
	f("")
	f("plain")
	f(`{"base64":"eA=="}`)
	f("\xff\x00 bytes")
	bad := func(s string) {
		t.Helper()
		if got := Text(""); json.Unmarshal([]byte(s), &got) == nil {
			t.Errorf("%s: %q", s, got)
		}
	}
	bad(`7`)
	bad(`{}`)
	bad(`{"base64":"*"}`)
}

// A secret that is shorter than most words leaves the names in a record, by which it is played.
func TestRedactLeavesNames(t *testing.T) {
	f := func(secret string) {
		t.Helper()
		names := func(text Text) *Exchange {
			step := &Step{Hook: "on_request", Failed: "limit", Before: State{Outcome: "hit", Reason: "stored", Request: Message{Query: text}}, Calls: []Call{{Name: "fetch", Err: "timeout"}}}
			return &Exchange{ID: "0ae1", Owner: "acme", Outcome: "hit", Reason: "stored", Key: "0ae1", Runs: []*Run{{Function: "auth", Version: "0ae1", Seed: []byte("0ae1"),
				Settings: Settings{ABI: "wedge", Isolation: "instance", Fetch: []string{"https://origin.example"}, KV: []string{"visits"}, Reads: []string{"cookie"}, Offered: []string{"kv"}}, Steps: []*Step{step}}}}
		}
		got, want := names(Text("<"+secret+">")), names(Text("<"+StandIn("key", len(secret))+">"))
		Redact(got, map[string]string{"key": secret})
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Errorf("%q: got %s\nwant %s", secret, a, b)
		}
	}
	f("e")
	f("0a")
	f("hit")
	r := &Run{Version: "0ae1", Settings: Settings{Fetch: []string{"https://0ae1.example"}}}
	Redact(r, map[string]string{"key": "0ae1"})
	if r.Version != "0ae1" || r.Settings.Fetch[0] == "https://0ae1.example" {
		t.Errorf("%+v", r)
	}
}

// No form of a secret that is looked for stays, lengths are kept, and what was made with the stand-in is redacted to the same.
func TestRedact(t *testing.T) {
	const secret = "s3cr\"t of/ours+"
	standIn := StandIn("key", len(secret))
	f := func(form func(string) string) {
		t.Helper()
		a, b := &Step{Error: Text("<" + form(secret) + ">")}, &Step{Error: Text("<" + form(standIn) + ">")}
		Redact(a, map[string]string{"key\x001": secret})
		Redact(b, map[string]string{"key": standIn})
		if got := string(a.Error); strings.Contains(got, form(secret)) || len(got) != len(form(secret))+2 {
			t.Errorf("%q became %q", form(secret), got)
		}
		// At the edges of base64 there are characters with bits of both.
		for i := range a.Error {
			if x, y := a.Error[i], b.Error[i]; x != y && strings.ContainsRune(string(a.Error[max(0, i-2):min(len(a.Error), i+3)]), 'A') == false {
				t.Errorf("%q and %q differ at %d", a.Error, b.Error, i)
			}
		}
	}
	f(func(s string) string { return s })
	f(func(s string) string { return "before " + s + s + " behind" })
	f(func(s string) string { return hex.EncodeToString([]byte("user:" + s + "!")) })
	for _, before := range []string{"", "u", "us", "use"} {
		f(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(before + s + "behind")) })
		f(func(s string) string { return base64.URLEncoding.EncodeToString([]byte(before + s)) })
	}
	r := &Run{Settings: Settings{Config: map[string]Text{"a": secret}}, Begin: []Call{{Ask: []Text{secret}}}, Clock: []int64{1}}
	Redact(r, map[string]string{"key": secret})
	if b, _ := json.Marshal(r); bytes.Contains(b, []byte("s3cr")) {
		t.Errorf("left: %s", b)
	}
	back, err := Restore(r, map[string]string{"key": secret})
	if err != nil || back.Settings.Config["a"] != secret || back.Begin[0].Ask[0] != secret {
		t.Errorf("restored: %+v, %v", back, err)
	}
}

// counting are counters that fail at every third call.
type counting struct {
	services.Counters
	mu sync.Mutex
	n  int64
}

func (c *counting) Add(services.Owner, []byte, time.Duration, int64) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.n%3 == 0 {
		return 0, services.ErrLimit
	}
	return c.n, nil
}

// What was recorded is answered again without the services, in whatever order it is asked; what was not, is missing.
func TestTapeAnswersWhatItRecorded(t *testing.T) {
	run, again := &Run{}, &Run{}
	rec := Record(run, &services.Services{Counters: &counting{}})
	var sums []int64
	ask := func(tape *Tape, key string) (int64, error) {
		return tape.Services().Counters.Add("acme", []byte(key), time.Minute, 1)
	}
	steps := []*Step{{}, {}}
	rec.Begin(steps[0], nil)
	for _, key := range []string{"a", "b", "a"} {
		n, _ := ask(rec, key)
		sums = append(sums, n)
	}
	if rec.Services().KV != nil {
		t.Error("a store is offered that the node has not")
	}
	var random [2][40]byte
	rec.World().Random(random[0][:])
	looked := rec.World().Look(1234)
	play := Play(run, again)
	play.Begin(steps[1], steps[0])
	f := func(key string, want int64, wantErr error) {
		t.Helper()
		if n, err := ask(play, key); n != want || !errors.Is(err, wantErr) {
			t.Errorf("%s: %d, %v, want %d, %v", key, n, err, want, wantErr)
		}
	}
	f("b", sums[1], nil)
	f("a", sums[0], nil)
	f("a", 0, services.ErrLimit)
	f("a", 0, errMissing)
	if m := play.Missing(); len(m) != 1 || m[0] != `counter.add "a" "1m0s" "1"` {
		t.Errorf("missing: %q", m)
	}
	play.World().Random(random[1][:])
	if random[0] != random[1] || play.World().Look(9) != looked {
		t.Error("random numbers or the clock are others")
	}
	if got := play.World().Look(9); got != looked+1000 {
		t.Errorf("a look that was not recorded shows %d", got)
	}
}

// answering answers each request with the same text, which is read byte for byte.
type answering string

func (a answering) Fetch(context.Context, *services.FetchRequest) (*services.FetchResponse, error) {
	return &services.FetchResponse{Status: 200, Body: io.NopCloser(iotest.OneByteReader(strings.NewReader(string(a))))}, nil
}

// A secret that a function has read in pieces is not in the record, and what it reads in all is bounded.
func TestTapeFetches(t *testing.T) {
	const secret = "correct horse battery"
	f := func(text string, times int, wantCut bool) {
		t.Helper()
		run := &Run{}
		rec := Record(run, &services.Services{Fetcher: answering(text)})
		for range times {
			r, err := rec.Services().Fetcher.Fetch(t.Context(), &services.FetchRequest{Method: "GET"})
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		Redact(run, map[string]string{"key": secret})
		kept := 0
		for _, c := range run.Fetches {
			b, err := io.ReadAll(answered(c.Answer).Body)
			if err != nil {
				t.Fatal(err)
			}
			if kept += len(b) + pieceBytes*len(pieces(c.Answer)); strings.Contains(string(b), secret) {
				t.Errorf("the secret is in the record: %.60q", b)
			}
			if want := strings.ReplaceAll(text, secret, StandIn("key", len(secret))); !wantCut && string(b) != want {
				t.Errorf("%.60q, want %.60q", b, want)
			}
		}
		if kept > mostFetched || (run.Cut != "") != wantCut {
			t.Errorf("%d bytes are kept, cut %q", kept, run.Cut)
		}
	}
	f("begin "+secret+" end", 2, false)
	f("", 1, false)
	f(strings.Repeat("x", 16<<10), 20, true)
}

// Requests that overtake each other are one record: it tells them in the order in which they were sent, and each gets its own answer.
func TestTapeFetchesOvertake(t *testing.T) {
	f := func(targets [2]string, finish, played [2]int) {
		t.Helper()
		run, again := &Run{}, &Run{}
		ask := func(tape *Tape, n int) string {
			r, err := tape.Services().Fetcher.Fetch(t.Context(), &services.FetchRequest{Method: "GET", Target: targets[n-1], Number: n})
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		rec := Record(run, &services.Services{Fetcher: numbered{}})
		for _, n := range finish {
			ask(rec, n)
		}
		play := Play(run, again)
		for _, n := range played {
			if got := ask(play, n); got != fmt.Sprint("answer ", n) {
				t.Errorf("%v, finished %v, played %v: request %d got %q", targets, finish, played, n, got)
			}
		}
		if run.Text() != again.Text() || len(run.Fetches) != 2 || strings.Index(run.Text(), "answer 1") > strings.Index(run.Text(), "answer 2") {
			t.Errorf("%v, finished %v, played %v:\n%s\n%s", targets, finish, played, run.Text(), again.Text())
		}
	}
	for _, targets := range [][2]string{{"/a", "/b"}, {"/same", "/same"}} {
		for _, finish := range [][2]int{{1, 2}, {2, 1}} {
			f(targets, finish, [2]int{1, 2})
			f(targets, finish, [2]int{2, 1})
		}
	}
	// A record without numbers gives what it has in its order.
	run := &Run{Settings: Settings{Offered: []string{"fetch"}}, Fetches: []Call{{Name: "fetch", Ask: texts("GET", "", "/", "no", ""), Answer: texts("201", "0", "ended")}, {Name: "fetch", Ask: texts("GET", "", "/", "no", ""), Answer: texts("202", "0", "ended")}}}
	play := Play(run, &Run{})
	for n := 1; n <= 2; n++ {
		if r, err := play.Services().Fetcher.Fetch(t.Context(), &services.FetchRequest{Method: "GET", Target: "/", Number: n}); err != nil || r.Status != 200+n {
			t.Errorf("request %d: %v, %v", n, r, err)
		}
	}
}

// numbered answers each request with its number.
type numbered struct{}

func (numbered) Fetch(_ context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
	return &services.FetchResponse{Status: 200, Body: io.NopCloser(strings.NewReader(fmt.Sprint("answer ", r.Number)))}, nil
}

// A state that is put shows the same when it is looked at again.
func TestStateRoundTrip(t *testing.T) {
	x := exchange.New()
	q := &x.Request
	q.Method, q.Scheme, q.Host, q.Path, q.Query, q.HasQuery, q.Proto, q.ContentLength = "POST", "https", "a.example", "/b", "c=d", true, exchange.HTTP2, -1
	q.Header.Add("X-Y", "z")
	q.Body = exchange.ReaderBody(io.NopCloser(strings.NewReader("a body")))
	x.Response.Status, x.Response.ContentLength, x.Response.Body = 200, 3, exchange.NewBytesBody([]byte("abc"))
	x.Choices.Key.Parts = []exchange.Field{{Name: "n", Value: "v"}}
	x.Choices.Key.HasReplace, x.Choices.TTL, x.Choices.Tags = true, exchange.Duration{Value: time.Second, Set: true}, []string{"t"}
	x.Vars.Set("var", "value")
	x.Outcome, x.Reason = exchange.Miss, exchange.ReasonAbsent
	x.Err = &exchange.Error{Reason: exchange.ReasonOriginTimeout}
	var taps [2]*tap
	tape := Record(&Run{}, &services.Services{})
	s := tape.found(x, &taps)
	b := make([]byte, 4)
	io.ReadFull(x.Request.Body, b)
	io.Copy(io.Discard, struct{ io.Reader }{x.Request.Body})
	y := exchange.New()
	y.Vars.Set("old", "one")
	Put(y, &s)
	if n, err := y.Request.Body.Read(make([]byte, 99)); n != 4 || err != nil {
		t.Errorf("the first piece has %d bytes, %v", n, err)
	}
	rest, err := io.ReadAll(y.Request.Body)
	if string(rest) != "dy" || err != nil {
		t.Errorf("then %q, %v", rest, err)
	}
	again := Record(&Run{}, &services.Services{}).found(y, &taps)
	s.Request.Body, again.Request.Body, s.Response.Body, again.Response.Body = nil, nil, nil, nil
	one, _ := json.Marshal(s)
	two, _ := json.Marshal(again)
	if !bytes.Equal(one, two) {
		t.Errorf("was\n%s\nis\n%s", one, two)
	}
}

const id = "0123456789abcdef0123456789abcdef"

func TestReaderErrors(t *testing.T) {
	const head = `{"wedge":"recording","format":1}` + "\n"
	const seed = `"seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`
	f := func(text, want string) {
		t.Helper()
		r, err := NewReader(strings.NewReader(text))
		for err == nil {
			_, err = r.Next()
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
	}
	run := func(rest string) string {
		return head + `{"exchange":{"id":"` + id + `","runs":[{"function":"f",` + seed + rest + `}]}}` + "\n"
	}
	f("", "the file is empty")
	f("{}\n", "the file is no recording")
	f(`{"wedge":"recording","format":2}`+"\n", "format 2, this wedge reads 1")
	f(head, "EOF")
	f(head+"\n \n"+run("")[len(head):], "EOF")
	f(head+"{}\n", "line 2: neither code nor an exchange")
	f(head+`{"exchange"`, "ends in the middle of a line")
	f(head+`{"surprise":1}`+"\n", "surprise")
	f(head+`{"exchange":{"id":"7"}}`+"\n", `id "7" is none`)
	f(head+`{"code":{"version":"v","gzip":"*"}}`+"\n", "the code of version v")
	f(head+`{"exchange":{"id":"`+id+`","runs":[null]}}`+"\n", "run 0 is missing")
	f(strings.Replace(run(""), "AAAA", "", 1), "the seed has 29 bytes")
	f(run(`,"steps":[null]`), "step 0 is missing")
	f(run(`,"steps":[{"hook":"on_fire"}]`), `no hook is called "on_fire"`)
	f(run(`,"steps":[{"hook":"on_fetch","before":{"request":{"body":{"data":"ab","pieces":[1]}}}}]`), "the pieces of a body are not its data")
	f(run(`,"steps":[{"hook":"on_fetch","before":{"request":{"body":{"data":"ab","pieces":[3,-1]}}}}]`), "the pieces of a body are not its data")
	f(run(`,"begin":[{"call":"c","err":"bad luck"}]`), `"bad luck" is no error`)
	f(run(`,"settings":{"secrets":{"s":-1}}`), "is -1 bytes long")
	f(run(`,"settings":{"fuel":-1}`), "a limit is below 0")
	f(run(`,"steps":[{"hook":"on_fetch","fuel":7}]`), "EOF")
}

// What the reader takes, a writer writes, and then it is the same; putting it into an exchange does not end the process.
func FuzzReader(f *testing.F) {
	var b bytes.Buffer
	w, _ := NewWriter(&b)
	w.Code("v", []byte("code"))
	w.Exchange(&Exchange{ID: id, Runs: []*Run{{Function: "f", Seed: make([]byte, 32), Fetches: []Call{{Name: "fetch", Answer: texts("200", "1", "a", "b", "ended", "x")}},
		Steps: []*Step{{Hook: "on_request", Before: State{Request: Message{Method: "GET", Body: whole([]byte("x"))}}, Calls: []Call{{Name: "kv.get", Ask: texts("s", "k"), Err: "conflict 7"}}}}}}})
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		for {
			x, err := r.Next()
			if err != nil {
				return
			}
			var b bytes.Buffer
			w, _ := NewWriter(&b)
			if err := w.Exchange(x); err != nil {
				t.Fatal(err)
			}
			again, err := NewReader(&b)
			if err != nil {
				t.Fatal(err)
			}
			y, err := again.Next()
			if err != nil {
				t.Fatalf("%q: %v", file, err)
			}
			one, _ := json.Marshal(x)
			two, _ := json.Marshal(y)
			if !bytes.Equal(one, two) {
				t.Fatalf("%s, then %s", one, two)
			}
			for _, run := range x.Runs {
				for _, c := range run.Fetches {
					io.Copy(io.Discard, answered(c.Answer).Body)
				}
				for _, s := range run.Steps {
					e := exchange.New()
					Put(e, &s.Before)
					if body := e.Request.Body; body != nil {
						if got, _ := io.ReadAll(body); string(got) != string(s.Before.Request.Body.Data) {
							t.Fatalf("a body of %q plays as %q", s.Before.Request.Body.Data, got)
						}
					}
					_ = s.Text()
				}
			}
		}
	})
}

// A tape is asked by the goroutine of the guest and by those of its requests, and sealed by another.
func TestHammerTape(t *testing.T) {
	run := &Run{}
	tape := Record(run, &services.Services{Counters: &counting{}})
	end := time.Now().Add(100 * time.Millisecond)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := 0; n < 100 || time.Now().Before(end); n++ { // however busy the machine is
				tape.Services().Counters.Add("o", []byte("k"), time.Minute, 1)
				tape.World().Look(1)
				tape.Missing()
			}
		})
	}
	wg.Go(func() {
		for time.Now().Before(end) {
			tape.Begin(&Step{}, nil)
		}
		tape.Seal()
	})
	wg.Wait()
	if run.Cut == "" && len(run.Clock) == 0 {
		t.Error("nothing was recorded")
	}
}
