package observe

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// wantFailures compares what is kept with "key×count …", the latest first; a key stands in the message.
func wantFailures(t *testing.T, s *Failures, name, want string) {
	t.Helper()
	var got []string
	for _, f := range s.Of("o", name) {
		got = append(got, fmt.Sprintf("%s×%d", f.Message, f.Count))
	}
	if g := strings.Join(got, " "); g != want {
		t.Errorf("%s: got %s, want %s", name, g, want)
	}
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		s := NewFailures(func(owner, name string, f *Failure) { told = append(told, owner+"/"+name+" "+f.Stack[0].place()) })
		defer s.Close()
		looks := 0
		add := func(name, key string) {
			s.Add("o", name, key, Failure{Message: key, Request: fmt.Sprint("r", key), Last: time.Now(), Stack: []Frame{{Function: "f"}}}, func(f *Failure) {
				looks++
				time.Sleep(time.Second)
				f.Stack[0].File, f.Stack[0].Line = key+".c", looks
			})
			time.Sleep(time.Second)
		}
		add("a", "x")
		add("a", "x")
		add("a", "y")
		add("a", "x")
		add("b", "x")
		wantFailures(t, s, "a", "x×3 y×1")
		wantFailures(t, s, "b", "x×1")
		wantFailures(t, s, "c", "")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(told, ", "); got != "o/a x.c:1, o/a y.c:2, o/b x.c:3" {
			t.Errorf("told %s", got)
		}
		if f := s.Of("o", "a")[0]; f.Stack[0].place() != "x.c:1" || f.Request != "rx" || f.Last.Sub(f.First) != 3*time.Second {
			t.Errorf("%+v", f)
		}
		for n := range 10 {
			add("a", fmt.Sprint(n))
		}
		wantFailures(t, s, "a", "9×1 8×1 7×1 6×1 5×1 4×1 3×1 2×1")
		s.Forget(func(owner, name string) bool { return name == "b" })
		wantFailures(t, s, "a", "")
		wantFailures(t, s, "b", "x×1")
		time.Sleep(time.Hour)
	})
}

// Looking takes a tenth of a processor at most, and the rest is not waited for when the node ends.
func TestFailuresRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewFailures(nil)
		begin, looks := time.Now(), atomic.Int64{}
		for n := range 30 {
			s.Add("o", fmt.Sprint(n), "k", Failure{}, func(*Failure) {
				time.Sleep(100 * time.Millisecond)
				looks.Add(1)
			})
		}
		time.Sleep(10*time.Second + 50*time.Millisecond)
		synctest.Wait()
		if n, d := looks.Load(), time.Since(begin); n > 11 || n < 10 {
			t.Errorf("%d looks of 100ms in %s", n, d)
		}
		for n := range 100 {
			s.Add("o", fmt.Sprint("more", n), "k", Failure{}, func(*Failure) { time.Sleep(time.Hour) })
		}
		if s.Unseen() == 0 {
			t.Error("the queue has no end")
		}
		time.Sleep(time.Second)
		s.Close()
		s.Close()
		time.Sleep(2 * time.Hour) // the look that had begun goes on
	})
}

func TestFailureLines(t *testing.T) {
	f := Failure{LastHostCall: "wedge.kv_get", Spent: []Spent{{Text: "fuel 12"}, {Text: "cpu 1ms of 50ms"}}, Stack: []Frame{
		{Function: "parse", File: "src/parse.c", Line: 12, Column: 3, Offset: 99}, {Function: "on_request", Offset: 0x1234}, {Function: "$3"}, {Function: "line_only", File: "a.c", Line: 1},
	}}
	want := []string{"  parse       src/parse.c:12:3", "  on_request  offset 0x1234", "  $3", "  line_only   a.c:1", "last host call: wedge.kv_get", "spent: fuel 12, cpu 1ms of 50ms"}
	if got := f.Lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestLogOfRequest(t *testing.T) {
	var logs FunctionLogs
	for n, request := range []string{"a", "b", "a", "a", "", "a"} {
		logs.Add("o", "f", LogLine{Request: request, Message: fmt.Sprint("line ", n)})
	}
	f := func(request string, n int, want string) {
		t.Helper()
		got := logs.OfRequest("o", "f", request, n, func(m string) bool { return m == "line 2" })
		if strings.Join(got, "|") != want {
			t.Errorf("%q, %d: %q", request, n, got)
		}
	}
	f("a", 9, "line 0|line 3|line 5")
	f("a", 2, "line 3|line 5")
	f("b", 9, "line 1")
	f("c", 9, "")
	f("", 9, "")
}

func TestHammerFailures(t *testing.T) {
	s := NewFailures(func(string, string, *Failure) {})
	var wg sync.WaitGroup
	until := time.Now().Add(100 * time.Millisecond)
	for g := range 8 {
		wg.Go(func() {
			for n := 0; time.Now().Before(until); n++ {
				name := fmt.Sprint(n % 3)
				s.Add("o", name, fmt.Sprint(n*g%20), Failure{Stack: []Frame{{}}, Last: time.Now()}, func(f *Failure) { f.Stack[0].Line++ })
				if l := s.Of("o", name); len(l) > FunctionFailures {
					t.Errorf("%d are kept", len(l))
				}
				if n%100 == 0 {
					s.Forget(func(_, name string) bool { return name != "0" })
				}
			}
		})
	}
	wg.Wait()
	s.Close()
}
