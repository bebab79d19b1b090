package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A reader does what a page says.
type reader struct {
	t             *testing.T
	root, dir     string            // where it began, and where it is
	page, machine *strings.Replacer // from the page's addresses to those of the machine, and back
	front, admin  string
	origin        string
	built         func() // stands in for make build
	programs      string // a folder of programs that take too long to be run
	partial       bool   // configurations leave out what their page is not about
	env           []string
	node          *exec.Cmd
	beside        *talk // what was started with "&" and is no node
}

// talk is a command that goes on beside others.
type talk struct {
	cmd  *exec.Cmd
	said sharedBuffer
	seen int // how much of it the page has told
}

func newReader(t *testing.T) *reader {
	dir := t.TempDir()
	r := &reader{t: t, root: dir, dir: dir}
	r.origin = newDocsOrigin(t, filepath.Join(dir, "origin"))
	r.front, r.admin = freeAddr(t), freeAddr(t)
	for r.admin == r.front {
		r.admin = freeAddr(t)
	}
	r.page = strings.NewReplacer("127.0.0.1:8080", r.front, `":8080"`, `"`+r.front+`"`, "127.0.0.1:9000", r.origin, "127.0.0.1:9070", r.admin)
	r.machine = strings.NewReplacer(r.front, "127.0.0.1:8080", r.origin, "127.0.0.1:9000", r.admin, "127.0.0.1:9070", dir, ".")
	r.env = append(os.Environ(), "WEDGE_NODE=http://"+r.admin, "TZ=UTC")
	t.Cleanup(r.stop)
	return r
}

// freeAddr is an address on which a command may listen. Its port is below those that systems give to whoever wants any
// (from 32768 on Linux, from 49152 elsewhere), so that nobody is given it before the command begins.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// do does what a block says.
func (r *reader) do(b block) {
	switch b.word {
	case "diagram", "tour":
	case "console":
		if r.partial && r.node == nil {
			r.serve("wedge serve --config wedge.yaml")
		}
		r.typed(b.body)
	default:
		r.write(b)
	}
}

func (r *reader) write(b block) {
	body := b.body
	if b.word == "yaml" {
		if r.partial {
			body = completed(body)
		}
		if body = r.page.Replace(body); !strings.Contains(body, "admin:") {
			body += "admin: {listen: \"" + r.admin + "\"}\n"
		}
	}
	file := filepath.Join(r.dir, b.file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		r.t.Fatal(err)
	}
	if b.word == "yaml" {
		if out, err := r.run("wedge check --config " + b.file); err != nil {
			r.t.Fatalf("%s: %v\n%s", b.file, err, out)
		}
	}
}

var (
	originOf = regexp.MustCompile(`(?m)^\s+origin: (\S+)$`)
	fetched  = regexp.MustCompile(`(?m)^\s+fetch: \[([^\]]+)\]`)
	address  = regexp.MustCompile(`https?://10\.\d+\.\d+\.\d+:\d+`)
)

// completed adds to a configuration what its page is not about: where the node listens, and the origins that it names.
func completed(text string) string {
	if !strings.Contains(text, "origins:") {
		text += "origins:\n"
		known := map[string]bool{}
		names := originOf.FindAllStringSubmatch(text, -1)
		for _, m := range fetched.FindAllStringSubmatch(text, -1) {
			for name := range strings.SplitSeq(m[1], ", ") {
				names = append(names, []string{"", name})
			}
		}
		for _, m := range names {
			if !known[m[1]] {
				text += fmt.Sprintf("  - {name: %s, servers: [{url: \"http://127.0.0.1:9000\"}]}\n", m[1])
			}
			known[m[1]] = true
		}
	}
	return "listen: {http: \":8080\"}\n" + address.ReplaceAllString(text, "http://127.0.0.1:9000")
}

var assignment = regexp.MustCompile(`^(?:export )?([A-Za-z_]\w*)=`)

// typed types each command, and compares what it prints.
func (r *reader) typed(body string) {
	commands := strings.Split("\n"+body, "\n$ ")
	if strings.TrimSpace(commands[0]) != "" {
		r.t.Fatalf("a console begins with output:\n%s", body)
	}
	for _, c := range commands[1:] {
		command, want, _ := strings.Cut(strings.ReplaceAll(c, "\\\n", " "), "\n")
		command, _, _ = strings.Cut(command, "  #") // a remark
		command = strings.TrimSpace(command)
		got, err := r.command(command, strings.TrimSpace(want))
		got = r.machine.Replace(got)
		r.t.Logf("$ %s\n%s", command, got)
		if !like(strings.TrimSpace(want), strings.TrimSpace(got)) {
			r.t.Fatalf("$ %s (%v)\n%s\nwant\n%s", command, err, got, want)
		}
	}
}

// command does one; it returns what was printed.
func (r *reader) command(command, want string) (string, error) {
	after, alone := strings.CutSuffix(command, " &")
	switch m := assignment.FindStringSubmatch(command); {
	case alone && strings.Contains(after, "wedge serve"):
		r.serve(after)
		return want, nil
	case alone:
		return r.start(after, want)
	case command == "wait":
		return r.wait()
	case strings.HasPrefix(command, "cd "):
		r.dir = filepath.Join(r.dir, command[3:])
		return "", nil
	case strings.HasPrefix(command, "export ") || m != nil && strings.HasPrefix(command, m[0]+"$(") && strings.HasSuffix(command, ")"):
		name := m[1]
		value, err := r.run(command + "\nprintf %s \"$" + name + `"`)
		r.env = append(r.env, name+"="+value)
		return "", err
	case command == "wedge dev":
		return r.dev(want)
	case strings.HasPrefix(command, "make "):
		return r.make(command, want)
	case strings.HasPrefix(command, "go run ./") && r.programs != "":
		// It measures for minutes: that there is such a program is all that is looked at.
		if _, err := os.Stat(filepath.Join(r.programs, strings.Fields(command)[2], "main.go")); err != nil {
			return err.Error(), err
		}
		return want, nil
	case strings.HasPrefix(command, "git clone "):
		return r.run(strings.Replace(command, "https://github.com/wedgecdn/wedge", "-q --depth 1 'file://"+absolute(r.t, repo)+"' wedge", 1))
	case strings.HasPrefix(command, "npx ") && os.Getenv("WEDGE_PROOF") == "":
		return want, nil // the compiler for the second time
	case strings.HasPrefix(command, "npm install"):
		// What .ci/tools has installed, by the lock file of the tests.
		modules := absolute(r.t, filepath.Join(repo, "runtime/engine/enginetest/guests/testdata/assemblyscript/node_modules"))
		if _, err := os.Stat(modules); err != nil {
			r.t.Skip("needs AssemblyScript: run .ci/tools")
		}
		return "", os.Symlink(modules, filepath.Join(r.dir, "node_modules"))
	}
	got, err := r.run(r.page.Replace(command))
	for end := time.Now().Add(slowMachine); settles(command) && !like(want, strings.TrimSpace(r.machine.Replace(got))) && time.Now().Before(end); {
		<-time.After(50 * time.Millisecond)
		got, err = r.run(r.page.Replace(command))
	}
	return got, err
}

// settles tells whether what a command prints may come in a while: logs are written, and exchanges counted, after the client has its response.
func settles(command string) bool {
	return strings.HasPrefix(command, "cat ") || strings.HasPrefix(command, "wedge function show") || strings.HasPrefix(command, "wedge function logs")
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	abs, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

var columns = regexp.MustCompile(` {2,}`)

// like compares texts, of which the first may say "…" for whatever comes, and other widths of columns.
func like(want, got string) bool {
	pattern := columns.ReplaceAllString(regexp.QuoteMeta(want), " {2,}")
	pattern = strings.ReplaceAll(pattern, "…", ".*?")
	return regexp.MustCompile(`(?s)\A` + pattern + `\z`).MatchString(got)
}

func (r *reader) run(command string) (string, error) {
	if strings.HasPrefix(command, "curl ") {
		return r.curl(strings.Fields(command)[1:])
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// make asks make what it would do, here or in the root of the tree, and does it if that is worth a proof.
func (r *reader) make(command, want string) (string, error) {
	dir := r.dir
	if _, err := os.Stat(filepath.Join(dir, "Makefile")); err != nil {
		dir = repo
	} else if command == "make build" && os.Getenv("WEDGE_PROOF") != "" {
		out, err := r.run(command)
		if err != nil {
			return out, err
		}
		return want, nil
	}
	cmd := exec.CommandContext(r.t.Context(), "sh", "-c", strings.Replace(command, "make ", "make -n ", 1))
	cmd.Dir, cmd.Env = dir, r.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return string(out), err
	}
	if command == "make build" && r.built != nil {
		r.built()
	}
	return want, nil
}

// dev runs wedge dev until the function answers, and ends it as people do.
func (r *reader) dev(want string) (string, error) {
	addr := freeAddr(r.t)
	d := r.background("wedge dev --addr " + addr)
	defer d.cmd.Process.Kill()
	got := ""
	for end := time.Now().Add(2 * time.Minute); !like(want, strings.TrimSpace(got)) && time.Now().Before(end); <-time.After(50 * time.Millisecond) {
		got = strings.ReplaceAll(d.text(), addr, "127.0.0.1:7676")
	}
	syscall.Kill(-d.cmd.Process.Pid, syscall.SIGINT)
	return got, d.cmd.Wait()
}

// start runs a command beside those that follow, and waits until it has said what the page says.
func (r *reader) start(command, want string) (string, error) {
	if r.beside != nil {
		return "", errors.New("a page has one command at a time that goes on beside others")
	}
	r.beside = r.background(command)
	for end := time.Now().Add(time.Minute); !like(want, strings.TrimSpace(r.machine.Replace(r.beside.text()))) && time.Now().Before(end); {
		<-time.After(20 * time.Millisecond)
	}
	got := r.beside.text()
	r.beside.seen = len(got)
	return got, nil
}

func (r *reader) background(command string) *talk {
	b := &talk{cmd: exec.Command("sh", "-c", "exec "+r.page.Replace(command))}
	b.cmd.Dir, b.cmd.Env = r.dir, r.env
	b.cmd.Stdout, b.cmd.Stderr = &b.said, &b.said
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	return b
}

// text is what it has said so far.
func (b *talk) text() string {
	b.said.mu.Lock()
	defer b.said.mu.Unlock()
	return b.said.String()
}

// wait is the shell's: for what goes on beside.
func (r *reader) wait() (string, error) {
	b := r.beside
	if b == nil {
		return "", errors.New("nothing goes on")
	}
	r.beside = nil
	stuck := time.AfterFunc(time.Minute, func() { b.cmd.Process.Kill() })
	defer stuck.Stop()
	err := b.cmd.Wait()
	return b.text()[b.seen:], err
}

// serve starts a node, in the place of one that runs, and waits until it is ready.
func (r *reader) serve(command string) {
	r.stop()
	n := r.background(command)
	r.node = n.cmd
	for end := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		if res, err := http.Get("http://" + r.admin + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == 200 {
				return
			}
		}
		if time.Now().After(end) {
			r.stop()
			r.t.Fatalf("$ %s: not ready within a minute\n%s", command, n.text())
		}
	}
}

func (r *reader) stop() {
	if r.node != nil {
		r.node.Process.Kill()
		r.node.Wait()
		r.node = nil
	}
	if r.beside != nil {
		r.beside.cmd.Process.Kill()
		r.beside.cmd.Wait()
		r.beside = nil
	}
}
