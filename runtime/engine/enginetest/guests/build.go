package guests

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed testdata/c/*.c testdata/c/*.s testdata/rust/*.rs testdata/assemblyscript/*.ts testdata/go/*
var sources embed.FS

// compiler makes one program of one language.
type compiler struct {
	sources []string          // below testdata; they are put side by side
	extra   map[string]string // more files: name and content
	tool    []string          // the command that begins each step; nil if it is missing
	version []string          // its arguments that make it print its version, or
	release string            // a file that says it, for a tool that is slow to answer
	missing string            // what to install
	env     []string
	steps   [][]string // arguments; the last step writes guest.wasm
}

// build runs the compiler, unless the cache has what it would write.
func (c *compiler) build() ([]byte, error) {
	if c.tool == nil {
		return nil, fmt.Errorf("%w: needs %s: run .ci/tools", ErrMissing, c.missing)
	}
	var version []byte
	var err error
	if c.release != "" {
		version, err = os.ReadFile(c.release)
	} else {
		version, err = c.command(c.version).CombinedOutput()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: its version: %w", c.tool[0], err)
	}
	files := map[string][]byte{}
	for name, text := range c.extra {
		files[name] = []byte(text)
	}
	for _, name := range c.sources {
		if files[filepath.Base(name)], err = sources.ReadFile("testdata/" + name); err != nil {
			return nil, err
		}
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q\n", version, c.env, c.steps)
	for _, name := range sorted(files) {
		fmt.Fprintf(h, "%q %q\n", name, files[name])
	}
	kept := cached(fmt.Sprintf("%x.wasm", h.Sum(nil)[:16]))
	if b, err := os.ReadFile(kept); err == nil {
		return b, nil
	}
	b, err := c.run(files)
	if err == nil {
		keep(kept, b)
	}
	return b, err
}

func (c *compiler) command(args []string) *exec.Cmd {
	cmd := exec.Command(c.tool[0], slices.Concat(c.tool[1:], args)...)
	cmd.Env = append(os.Environ(), c.env...)
	return cmd
}

func sorted(files map[string][]byte) (names []string) {
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (c *compiler) run(files map[string][]byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "wedge-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	for _, args := range c.steps {
		cmd := c.command(args)
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
		}
	}
	return os.ReadFile(filepath.Join(dir, "guest.wasm"))
}

// cached is where a file of the cache stands, or empty if this user has none.
func cached(name string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "wedge-guests", name)
}

// keep writes a file of the cache, and forgets what is older than a month. Tests of several packages do so at once. That it
// fails costs time only.
func keep(name string, b []byte) {
	dir := filepath.Dir(name)
	if name == "" || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return
	}
	_, err = f.Write(b)
	if err2 := f.Close(); err == nil && err2 == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	_ = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil && time.Since(info.ModTime()) > 30*24*time.Hour {
			_ = os.Remove(filepath.Join(dir, path))
		}
		return nil
	})
}
