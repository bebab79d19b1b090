package function

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, dir string, keep int) *Store {
	t.Helper()
	s, err := Open(dir, keep)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *Store, name, module string, activate bool) string {
	t.Helper()
	v, err := s.Put("default", name, []byte(module), Version{ABI: "wedge", Hooks: []string{"on_request"}}, activate)
	if err != nil {
		t.Fatal(err)
	}
	return v.Hash
}

func TestVersions(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 0)
	h1 := put(t, s, "auth", "one", true)
	h2 := put(t, s, "auth", "two", true)
	h3 := put(t, s, "auth", "three", false)
	active := func(when, want string) {
		t.Helper()
		for _, s := range []*Store{s, open(t, dir, 0)} { // in memory and on disk
			f, ok := s.Named("default", "auth")
			if !ok || f.Active != want {
				t.Errorf("%s: active is %.8s, want %.8s", when, f.Active, want)
			}
		}
	}
	active("after three uploads", h2)
	if _, err := s.Activate("default", "auth", h3[:10]); err != nil {
		t.Error(err)
	}
	active("after activate", h3)
	for _, want := range []string{h2, h1} {
		if v, err := s.Rollback("default", "auth"); err != nil || v.Hash != want {
			t.Errorf("rollback: %.8s, %v", v.Hash, err)
		}
		active("after rollback", want)
	}
	if _, err := s.Rollback("default", "auth"); !errors.Is(err, ErrFirst) {
		t.Errorf("rollback beyond the first: %v", err)
	}
	put(t, s, "auth", "two", true) // again: no second version
	active("after deploying an old module", h2)
	f, _ := s.Named("default", "auth")
	if len(f.Versions) != 3 {
		t.Errorf("%d versions, want 3", len(f.Versions))
	}
	b, err := s.Code("default", "auth", h3)
	if string(b) != "three" || err != nil {
		t.Errorf("code: %q, %v", b, err)
	}
	if err := s.SetDisabled("default", "auth", true); err != nil {
		t.Error(err)
	}
	if f, _ := open(t, dir, 0).Named("default", "auth"); !f.Disabled {
		t.Error("disabled is forgotten")
	}
	// What was never uploaded can be switched off as well.
	if err := s.SetDisabled("default", "file", true); err != nil {
		t.Error(err)
	}
	if f, ok := open(t, dir, 0).Named("default", "file"); !ok || !f.Disabled || f.Active != "" {
		t.Errorf("a function from elsewhere, switched off: %+v", f)
	}
	if err := s.Delete("default", "auth"); err != nil {
		t.Error(err)
	}
	if _, ok := open(t, dir, 0).Named("default", "auth"); ok {
		t.Error("a deleted function came back")
	}
}

func TestErrors(t *testing.T) {
	s := open(t, t.TempDir(), 0)
	put(t, s, "auth", "one", true)
	f := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	for _, name := range []string{"", "..", "a/b", "A", "-a", "a\x00", strings.Repeat("a", 64), ".", "a b"} {
		_, err := s.Put("default", name, nil, Version{}, true)
		f("name "+name, err, ErrName)
		_, err = s.Put(name, "auth", nil, Version{}, true)
		f("owner "+name, err, ErrName)
	}
	_, err := s.Put("default", "auth", nil, Version{Message: strings.Repeat("x", MaxMessage+1)}, true)
	f("long message", err, ErrMessage)
	_, err = s.Activate("default", "auth", "00000000")
	f("activate", err, ErrUnknown)
	_, err = s.Activate("other", "auth", "00000000")
	f("activate another owner's", err, ErrUnknown)
	_, err = s.Rollback("default", "nobody")
	f("rollback", err, ErrUnknown)
	f("disable", s.SetDisabled("default", "../x", true), ErrName)
	f("delete", s.Delete("default", "nobody"), ErrUnknown)
	_, err = s.Code("default", "auth", "../../x")
	f("code", err, ErrUnknown)
}

func TestChangedModuleIsNotRun(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 0)
	h := put(t, s, "auth", "one", true)
	if err := os.WriteFile(filepath.Join(dir, "default", "auth", h+".wasm"), []byte("evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Code("default", "auth", h); err == nil || !strings.Contains(err.Error(), "changed on disk") {
		t.Errorf("a changed module is read: %v", err)
	}
}

func TestOldVersionsGo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 3)
	first := put(t, s, "auth", "0", true)
	for i := range 10 {
		put(t, s, "auth", fmt.Sprint(i+1), false)
	}
	f, _ := s.Named("default", "auth")
	if len(f.Versions) != 3 || f.version(first) == nil {
		t.Errorf("%d versions, the active one among them: %v; want 3, true", len(f.Versions), f.version(first) != nil)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "default", "auth", "*.wasm"))
	if len(files) != 3 {
		t.Errorf("%d modules on disk, want 3", len(files))
	}
}

func TestLitterIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 0)
	put(t, s, "auth", "one", true)
	litter := filepath.Join(dir, "default", "auth", strings.Repeat("0", 64)+".wasm")
	half := filepath.Join(dir, "default", "half")
	os.WriteFile(litter, []byte("x"), 0o600)
	os.MkdirAll(half, 0o700)
	os.WriteFile(filepath.Join(half, "x.wasm"), []byte("x"), 0o600)
	s = open(t, dir, 0)
	for _, p := range []string{litter, half} {
		if _, err := os.Stat(p); err == nil {
			t.Errorf("%s is still there", filepath.Base(p))
		}
	}
	if len(s.List("")) != 1 {
		t.Errorf("%d functions, want 1", len(s.List("")))
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, ".format"), []byte("2\n"), 0o600)
	if _, err := Open(dir, 0); err == nil || !strings.Contains(err.Error(), "newer wedge") {
		t.Errorf("a newer format: %v", err)
	}
}

// TestKill ends a process in the middle of uploads, again and again. What it
// said it had done is there afterwards, whole.
func TestKill(t *testing.T) {
	if dir := os.Getenv("FUNCTION_TEST_CHILD"); dir != "" {
		s, err := Open(dir, 5)
		if err != nil {
			fmt.Println("open", err)
			os.Exit(1)
		}
		for {
			m := fmt.Sprint(rand.Uint64())
			v, err := s.Put("default", "auth", []byte(m), Version{}, true)
			if err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			fmt.Println(v.Hash)
		}
	}
	kills := 5
	if os.Getenv("WEDGE_PROOF") != "" {
		kills = 100
	}
	dir := t.TempDir()
	for range kills {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "FUNCTION_TEST_CHILD="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(20*time.Millisecond+rand.N(60*time.Millisecond), func() { cmd.Process.Kill() })
		var all strings.Builder
		buf := make([]byte, 4096)
		for {
			n, err := out.Read(buf)
			all.Write(buf[:n])
			if err != nil {
				break
			}
		}
		kill.Stop()
		cmd.Wait()
		lines := strings.Split(all.String(), "\n")
		lines = lines[:len(lines)-1] // what follows the last newline was cut
		s := open(t, dir, 5)
		f, ok := s.Named("default", "auth")
		if len(lines) == 0 {
			continue
		}
		last := lines[len(lines)-1]
		if strings.Contains(last, " ") {
			t.Fatal(last)
		}
		if !ok || f.version(last) == nil {
			t.Fatalf("version %.8s was acknowledged and is gone", last)
		}
		for _, v := range f.Versions {
			if _, err := s.Code("default", "auth", v.Hash); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestHammer(t *testing.T) {
	s := open(t, t.TempDir(), 4)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 20 {
				s.Put("default", "auth", fmt.Append(nil, i, j), Version{}, true)
				s.Rollback("default", "auth")
				if f, ok := s.Named("default", "auth"); ok && f.version(f.Active) == nil {
					t.Error("the active version is not kept")
				}
				s.List("default")
			}
		})
	}
	wg.Wait()
}

// Deploying again mends a module whose file was damaged or lost, as the failure to read it says.
func TestDeployingAgainMends(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 0)
	hash := put(t, s, "auth", "module", true)
	file := filepath.Join(dir, "default", "auth", hash+".wasm")
	for what, damage := range map[string]func() error{
		"has changed": func() error { return os.WriteFile(file, []byte("other"), 0o600) },
		"is missing":  func() error { return os.Remove(file) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Code("default", "auth", hash); err == nil || !strings.Contains(err.Error(), what+" on disk: deploy it again") {
			t.Errorf("%s: %v", what, err)
		}
		put(t, s, "auth", "module", false)
		if b, err := s.Code("default", "auth", hash); string(b) != "module" || err != nil {
			t.Errorf("%s, deployed again: %q, %v", what, b, err)
		}
	}
	if f, _ := s.Named("default", "auth"); len(f.Versions) != 1 || f.Active != hash {
		t.Errorf("%+v", f)
	}
}

// What others put into the folder is neither read nor removed, and any owner's name is free.
func TestFolderOfOthers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 0)
	if _, err := s.Put("format", "f", []byte("module"), Version{}, true); err != nil {
		t.Errorf("an owner named format: %v", err)
	}
	put(t, s, "auth", "module", true)
	for _, name := range []string{"lost+found/x", "default/.cache/x", "default/NOTES", "NOTES"} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(open(t, dir, 0).List("")); n != 2 {
		t.Errorf("%d functions, want 2", n)
	}
	for _, name := range []string{"lost+found/x", "default/.cache/x", "default/NOTES", "NOTES"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
