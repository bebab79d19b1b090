package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDebugToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "debug.key")
	k, err := openDebugKey(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openDebugKey(file)
	if err != nil || string(again) != string(k) {
		t.Fatal("the key is another after a restart: ", err)
	}
	if s, _ := os.Stat(file); s.Mode().Perm() != 0o600 {
		t.Error("others may read the key: ", s.Mode())
	}
	now := time.Unix(1_800_000_000, 0)
	good := k.token("acme", now.Add(time.Minute))
	f := func(token, owner string, at time.Time, want bool) {
		t.Helper()
		if got := k.opens(token, owner, at); got != want {
			t.Errorf("%q for %s at %d: %v", token, owner, at.Unix(), got)
		}
	}
	f(good, "acme", now, true)
	f(good, "acme", now.Add(59*time.Second), true)
	f(good, "acme", now.Add(time.Minute), false)
	f(good, "other", now, false)
	f(good+"x", "acme", now, false)
	f(good[:len(good)-1], "acme", now, false)
	end, signature, _ := strings.Cut(good, ".")
	f("2"+end[1:]+"."+signature, "acme", now, false)
	f(end+".", "acme", now, false)
	f(end, "acme", now, false)
	f("", "acme", now, false)
	f("."+signature, "acme", now, false)
	f(strings.Repeat("9", 30)+"."+signature, "acme", now, false)
	f("-1."+signature, "acme", now, false)
	other, err := openDebugKey(file + "2")
	if err != nil {
		t.Fatal(err)
	}
	f(other.token("acme", now.Add(time.Minute)), "acme", now, false)

	// What is no key is replaced.
	os.WriteFile(file, []byte("short"), 0o600)
	if fresh, err := openDebugKey(file); err != nil || len(fresh) != debugKeySize {
		t.Errorf("%v, %d bytes", err, len(fresh))
	}
}
