package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// stored is what the export of a store says, key by key.
func (p *process) stored(store string) map[string]string {
	p.t.Helper()
	resp, err := http.Get("http://" + p.admin + "/v1/kv/" + store + "/export")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	all := map[string]string{}
	for d := json.NewDecoder(resp.Body); ; {
		var line struct{ Key, Value string }
		if err := d.Decode(&line); err == io.EOF {
			return all
		} else if err != nil {
			p.t.Fatal(err)
		}
		all[line.Key] = line.Value
	}
}

// TestKill: a write that the operators' API has acknowledged outlives kill -9.
func TestKill(t *testing.T) {
	b := newBackend(t)
	dir := t.TempDir()
	const writers = 4
	var mu sync.Mutex
	acknowledged := map[string]string{} // and not written again since
	check := func(p *process, kills int) {
		t.Helper()
		all := p.stored("orders")
		for key, want := range acknowledged {
			if got, ok := all[key]; !ok || got != want {
				t.Errorf("after %d kills %s is %q, want %q", kills, key, got, want)
			}
		}
	}
	kills := proof(5, 100)
	for round := range kills {
		p := start(t, dir, shop(b, ""))
		check(p, round)
		// write puts a value and says whether that was acknowledged.
		write := func(key, value string) bool {
			mu.Lock()
			delete(acknowledged, key) // until then the old value may be there, or the new one
			mu.Unlock()
			req, err := http.NewRequest("PUT", "http://"+p.admin+"/v1/kv/orders/value?key="+key, strings.NewReader(value))
			if err != nil {
				t.Error(err)
				return false
			}
			req.Header.Set("Content-Type", "application/octet-stream")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return false // the process is gone
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("a write was refused: %d", resp.StatusCode)
				return false
			}
			// The status is the acknowledgement, whether the rest arrives or not.
			mu.Lock()
			acknowledged[key] = value
			mu.Unlock()
			return true
		}
		var clients sync.WaitGroup
		var done atomic.Int64
		for c := range writers {
			clients.Go(func() {
				for i := 0; ; i++ {
					// A key of its own each time, and one that each round writes anew.
					if !write(fmt.Sprintf("%d-%d-%d", round, c, i), fmt.Sprint("value ", i)) || !write(fmt.Sprintf("again-%d-%d", c, i%10), fmt.Sprintf("value %d of round %d", i, round)) {
						return
					}
					done.Add(2)
				}
			})
		}
		n := int64(20 + 13*round%50)
		eventually(t, "writes are acknowledged", func() bool { return done.Load() >= n })
		p.signal(syscall.SIGKILL)
		clients.Wait()
		<-p.exited
	}
	check(start(t, dir, shop(b, "")), kills)
	t.Logf("%d values acknowledged", len(acknowledged))
}

// TestKillAfterDeploy: a deploy that was acknowledged outlives kill -9, whatever that did to caches of compiled code.
func TestKillAfterDeploy(t *testing.T) {
	b := newBackend(t)
	dir := t.TempDir()
	yaml := shop(b, "functions: [{name: f}]")
	yaml = strings.Replace(yaml, "origin: shop}", "origin: shop, functions: [f]}", 1)
	wantVersion := func(p *process, letter byte) {
		t.Helper()
		l := p.mustDial()
		l.ask("/")
		resp, err := http.ReadResponse(l.r, nil)
		if err != nil || resp.Header.Get("V") != string(letter) {
			t.Fatalf("%v, %v, want version %c", resp, err, letter)
		}
		l.conn.Close()
	}
	p := start(t, dir, yaml)
	for letter := byte('A'); letter < 'A'+byte(proof(3, 26)); letter++ {
		req, err := http.NewRequest("PUT", "http://"+p.admin+"/v1/functions/f", strings.NewReader(lettered(letter)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/wasm")
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		p.signal(syscall.SIGKILL)
		resp.Body.Close()
		<-p.exited
		p = start(t, dir, yaml)
		wantVersion(p, letter)
	}
}
