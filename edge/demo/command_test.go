package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/klauspost/compress/zstd"
)

// TestCommand builds wedge as it stands in the tree and uses it as people do.
func TestCommand(t *testing.T) {
	needsExamples(t)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(bin, "wedge"), "../cmd/wedge")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	t.Run("demo", func(t *testing.T) { testCommand(t, bin) })
	t.Run("guide", func(t *testing.T) { testGuide(t, bin) })
}

// Each line of the guide does what it says when it is pasted into a shell, in the guide's order.
func testGuide(t *testing.T, bin string) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("WEDGE_REQUIRE_ALL") == "1" {
			t.Fatal("there is no curl, and WEDGE_REQUIRE_ALL=1 asks for it: apt-get install curl")
		}
		t.Skip("there is no curl: apt-get install curl")
	}
	d := open(t)
	var guide bytes.Buffer
	d.Guide(&guide, "wedge")
	for _, c := range d.chapters() {
		if !strings.Contains(guide.String(), "\n  "+c.title+"\n") {
			t.Errorf("the guide lacks %q", c.title)
		}
		for _, line := range c.tries {
			if !strings.Contains(guide.String(), "\n    "+line.command+"\n") {
				t.Errorf("the guide lacks %q", line.command)
			}
			sh := exec.CommandContext(t.Context(), "sh", "-c", line.command)
			sh.Dir = bin
			sh.Env = append(os.Environ(), d.Environment()...)
			sh.Env = append(sh.Env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, err := sh.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", line.command, err, out)
				continue
			}
			if line.status == 0 {
				continue
			}
			first, _, _ := strings.Cut(string(out), "\r\n")
			if f := strings.Fields(first); len(f) < 2 || f[1] != strconv.Itoa(line.status) {
				t.Errorf("%s: answered %q, want status %d", line.command, first, line.status)
			}
		}
	}
}

// The command prints its guide and ends with 0 when it is told to; without functions in the binary it says what to do.
func testCommand(t *testing.T, bin string) {
	bin = filepath.Join(bin, "wedge")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, bin, "demo", "--data", filepath.Join(t.TempDir(), "data"))
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	told := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "Ctrl-C ends it") {
			told = true
			if err := run.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	}
	err = run.Wait()
	if _, notBuilt := unpack(packed); notBuilt != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if told || !ok || exit.ExitCode() != 1 || !strings.Contains(stderr.String(), "make build") {
			t.Errorf("a binary without functions: %v\n%s", err, stderr.String())
		}
		return
	}
	if !told || err != nil {
		t.Errorf("guide printed: %t, end: %v\n%s", told, err, stderr.String())
	}
}

func TestUnpack(t *testing.T) {
	if _, err := unpack(fstest.MapFS{"guests/README.md": {}}); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("without functions: %v", err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, name := range examples {
		files["guests/"+name+".wasm.zst"] = &fstest.MapFile{Data: enc.EncodeAll([]byte("code of "+name), nil)}
	}
	guests, err := unpack(files)
	if err != nil || len(guests) != len(examples) || string(guests["auth"]) != "code of auth" {
		t.Errorf("unpacked %d functions, %v", len(guests), err)
	}
	files["guests/auth.wasm.zst"] = &fstest.MapFile{Data: []byte("no zstd")}
	if _, err := unpack(files); err == nil || errors.Is(err, ErrNotBuilt) {
		t.Errorf("with a broken function: %v", err)
	}
}
