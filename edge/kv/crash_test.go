package kv

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const childFile = "WEDGE_KV_CRASH_FILE"

// TestMain is the child of TestKill when that names a file for it.
func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(1) // only a failure comes here
	}
	os.Exit(m.Run())
}

// crashValue is what stands under a key, so that a reader can tell a torn value.
func crashValue(key string) string {
	return strings.Repeat(fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(key))), len(key)*5)
}

// writeForEver writes from several goroutines and says on stdout what was acknowledged, one line each in one write:
//
//	put KEY VERSION
//	sum N
//	deleting KEY, before; deleted KEY, after
func writeForEver(path string) error {
	db, err := Open(path, Options{})
	if err != nil {
		return err
	}
	s, err := db.Store("o", "s")
	if err != nil {
		return err
	}
	start, err := db.NextSequence(context.Background())
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range 8 {
		go func() { failed <- writeKeys(s, fmt.Sprintf("%d-%d", start, w)) }()
	}
	return <-failed
}

func writeKeys(s Store, name string) error {
	ctx := context.Background()
	for i := 0; ; i++ {
		key := fmt.Sprintf("%s-%d", name, i)
		v, err := s.Put(ctx, []byte(key), []byte(crashValue(key)), PutOptions{})
		if err != nil {
			return err
		}
		fmt.Printf("put %s %d\n", key, v)
		if i%3 == 0 {
			sum, _, err := s.Add(ctx, []byte("sum"), 1, 0)
			if err != nil {
				return err
			}
			fmt.Printf("sum %d\n", sum)
		}
		if i%5 == 4 {
			old := fmt.Sprintf("%s-%d", name, i-2)
			fmt.Printf("deleting %s\n", old)
			if existed, err := s.Delete(ctx, []byte(old), DeleteOptions{}); err != nil || !existed {
				return fmt.Errorf("delete %s: %t, %v", old, existed, err)
			}
			fmt.Printf("deleted %s\n", old)
		}
	}
}

// TestKill kills a process that writes, with SIGKILL, at random moments, and looks for every acknowledged write in the
// file. It shows what survives a dead process; a dead machine also needs a disk that honours a sync.
func TestKill(t *testing.T) {
	kills := 5
	if os.Getenv("WEDGE_PROOF") == "1" {
		kills = 100
	}
	path := filepath.Join(t.TempDir(), "kv.db")
	acked := map[string]uint64{} // version by key; 0: must be absent
	unknown := map[string]bool{} // a delete was under way
	sums := map[int64]bool{}
	var top int64
	total := 0
	for range kills {
		n, out := runAndKill(t, path, 1+rand.IntN(400))
		total += n
		for line := range strings.Lines(out) {
			var key string
			var v uint64
			var sum int64
			if !strings.HasSuffix(line, "\n") {
				continue // the last line may be cut
			}
			if _, err := fmt.Sscanf(line, "put %s %d", &key, &v); err == nil {
				acked[key] = v
			} else if _, err := fmt.Sscanf(line, "sum %d", &sum); err == nil {
				if sums[sum] {
					t.Errorf("sum %d was answered twice", sum)
				}
				sums[sum] = true
				top = max(top, sum)
			} else if _, err := fmt.Sscanf(line, "deleting %s", &key); err == nil {
				unknown[key] = true
			} else if _, err := fmt.Sscanf(line, "deleted %s", &key); err == nil {
				delete(unknown, key)
				acked[key] = 0
			} else {
				t.Fatalf("line %q", line)
			}
		}
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		audit(t, db)
		s := store(t, db, "o", "s")
		var e Entry
		for key, v := range acked {
			found, err := s.Get([]byte(key), &e)
			switch {
			case err != nil:
				t.Fatal(err)
			case !found && v != 0 && !unknown[key]:
				t.Errorf("%s, acknowledged at version %d, is gone", key, v)
			case found && (e.Version != v || string(e.Value) != crashValue(key)):
				t.Errorf("%s is at version %d with %d bytes, acknowledged was %d", key, e.Version, len(e.Value), v)
			}
		}
		if found, err := s.Get([]byte("sum"), &e); err != nil || top > 0 && !found {
			t.Errorf("sum: found %t, %v", found, err)
		}
		var sum int64
		fmt.Sscan(string(e.Value), &sum)
		if found := top > 0; found && sum < top {
			t.Errorf("sum is %d, %d was acknowledged", sum, top)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d acknowledgements, %d keys", kills, total, len(acked))
}

// runAndKill starts a child, kills it after so many lines, and returns all it said until then.
func runAndKill(t *testing.T, path string, lines int) (n int, out string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	kill := sync.OnceFunc(func() { cmd.Process.Kill() })
	in := bufio.NewReader(pipe)
	for {
		line, err := in.ReadString('\n')
		all.WriteString(line)
		if n++; n == lines {
			kill()
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd.Wait()
	if n < lines {
		t.Fatalf("the child ended by itself after %d lines: %s", n, stderr.String())
	}
	return n - 1, all.String()
}
