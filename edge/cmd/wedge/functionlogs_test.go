package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wedgecdn/wedge/edge/admin"
)

// Who follows logs gets each line once, in order, and asks at once for more only when a page was full.
func TestFollowLogs(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var asked []string
	lines := func(from, to uint64) (list []admin.LogLine) {
		for n := from; n <= to; n++ {
			list = append(list, admin.LogLine{Number: n, Time: fakeTime, Level: "info", Message: "m"})
		}
		return list
	}
	pages := []admin.LogPage{
		{Lines: lines(4, 5), Cursor: 5},
		{Lines: lines(6, 1005), Cursor: 1005}, // full
		{Lines: lines(1006, 1006), Cursor: 1006},
		{Cursor: 1006},
		{Lines: lines(1007, 1007), Cursor: 1007},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		if len(asked) > len(pages) {
			stop()
			return
		}
		json.NewEncoder(w).Encode(pages[len(asked)-1])
	}))
	var stdout, stderr strings.Builder
	c := newCommand(nil, &stdout, &stderr)
	c.context, c.pause = ctx, time.Millisecond
	if code := c.run([]string{"function", "logs", "auth", "--node", s.URL, "--follow", "-n", "2", "--json"}); code != exitOK {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
	s.Close() // waits for the handler
	var got []uint64
	for d := json.NewDecoder(strings.NewReader(stdout.String())); d.More(); {
		var l admin.LogLine
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		got = append(got, l.Number)
	}
	var want []uint64
	for n := uint64(4); n <= 1007; n++ {
		want = append(want, n)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines, -want +got:\n%s", diff)
	}
	wantAsked := []string{"after=0&limit=2", "after=5&limit=1000", "after=1005&limit=1000", "after=1006&limit=1000", "after=1006&limit=1000", "after=1007&limit=1000"}
	if diff := cmp.Diff(wantAsked, asked); diff != "" {
		t.Errorf("asked, -want +got:\n%s", diff)
	}
}
