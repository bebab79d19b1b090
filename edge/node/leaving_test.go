package node_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A recording ends when the node does, which does not wait for it until its time is over.
func TestShutdownEndsRecording(t *testing.T) {
	w := newWorld(t, canaryConfig(newUpstream(t, "shop")), nil)
	q, err := http.NewRequest("POST", "http://"+w.node.AdminAddr()+"/v1/record", strings.NewReader(`{"for":"10m"}`))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q) // returns with the head of the recording
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != 200 {
		t.Fatal(r.Status)
	}
	w.client = nil // this test stops it
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.node.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if ctx.Err() != nil {
		t.Error("the node has waited for the recording")
	}
}
