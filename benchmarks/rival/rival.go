package rival

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/wedgecdn/wedge/benchmarks/guest"
)

// A Rival is something that answers requests.
type Rival interface {
	Name() string
	// Version is what is installed; an error says what is missing.
	Version() (string, error)
	// Lacks says why it cannot do a job, or nothing if it can.
	Lacks(j Job) string
	// Portion says that it is given one in so many of a round's requests, because each takes it long.
	Portion() int
	// Start runs it in the folder, which is empty, or holds what it left when it was stopped. Whoever starts it stops it, also after an error with a Process.
	Start(dir string, j Job) (*Process, error)
}

// A Job is what the rival is to do.
type Job struct {
	Origin   string // address
	Cache    bool   // the job is about stored responses
	Function string // what runs at each request, empty for nothing
	MemoryMB int    // for stored responses
	DiskMB   int    // 0 for none
	Cores    int    // that it may use
	// Asks says that requests reach the origin all along.
	Asks bool
	// Revalidate says that stored responses are to be confirmed by the origin once they are stale.
	Revalidate bool
	// Modules are the function for the node, by language.
	Modules map[string]guest.Module
	// Many are functions of a node that has a route for each.
	Many []Function
}

// A Function is one of many.
type Function struct{ Name, File string }

// A Process is a rival that runs.
type Process struct {
	Addr string
	PID  int
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	log  string
}

// Stop ends it and waits until it has.
func (p *Process) Stop() {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		// The group: some leave it to their first process to end the others, and do not when that is killed.
		_ = syscall.Kill(-p.PID, signal)
		select {
		case <-p.done:
			_ = syscall.Kill(-p.PID, syscall.SIGKILL)
			return
		case <-time.After(3 * time.Second):
		}
	}
	<-p.done
}

// Log is the end of what it wrote.
func (p *Process) Log() string {
	b, _ := os.ReadFile(p.log)
	return string(b[max(0, len(b)-2000):])
}

// fields is what a configuration may use.
type fields struct {
	Job
	Dir          string
	Host, Port   string // to listen on
	OHost, OPort string // of the origin
	User         string
	Admin        string // another free address
	TotalMB      int    // for the whole process
	Variant      string // of those that share files
	Isolation    string // of the node's function
	Handler      bool   // it answers by itself
}

// A program is a rival that is a command with files.
type program struct {
	name    string
	find    func() (string, error) // its command
	version []string               // arguments that make it print its version
	pattern string                 // finds the version in what it prints
	lacks   func(j Job) string
	folders []string // to be made in its folder
	// args are templates as the files are; env too.
	args    func(j Job) []string
	env     []string
	prepare func(binary, dir string) error
	user    bool   // will not run as root: becomes nobody
	files   string // the folder of its configuration

	variant             string
	language, isolation string // of the node's function
	portion             int    // 0 is 1
}

//go:embed nginx varnish haproxy trafficserver squid caddy wedge many workerd/config.capnp workerd/worker.js
var configurations embed.FS

func (p *program) Name() string         { return p.name }
func (p *program) Lacks(j Job) string   { return p.lacks(j) }
func (p *program) Portion() int         { return max(p.portion, 1) }
func (p *program) conf() (fs.FS, error) { return fs.Sub(configurations, p.files) }

func (p *program) Version() (string, error) {
	binary, err := p.find()
	if err != nil {
		return "", err
	}
	if p.pattern == "" {
		return strings.Join(p.version, " "), nil
	}
	out, err := exec.Command(binary, p.version...).CombinedOutput()
	m := regexp.MustCompile(p.pattern).FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s: %s prints no version: %w: %.200s", p.name, binary, err, out)
	}
	return string(m[1]), nil
}

// patience is how long a rival may take to accept connections.
const patience = 20 * time.Second

func (p *program) Start(dir string, j Job) (*Process, error) {
	if why := p.lacks(j); why != "" {
		return nil, fmt.Errorf("%s: %s", p.name, why)
	}
	binary, err := p.find()
	if err != nil {
		return nil, err
	}
	addr, err1 := freeAddr()
	admin, err2 := freeAddr()
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	f := fields{Job: j, Dir: dir, Admin: admin, User: "nobody", TotalMB: 2*j.MemoryMB + 512, Variant: p.variant, Isolation: p.isolation, Handler: p.language == guest.JavaScript}
	f.Host, f.Port, _ = net.SplitHostPort(addr)
	f.OHost, f.OPort, _ = net.SplitHostPort(j.Origin)
	if os.Getuid() == 0 && !p.user {
		f.User = "root"
	}
	for _, name := range p.folders {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if p.prepare != nil {
		if err := p.prepare(binary, dir); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if p.language != "" {
		b, err := os.ReadFile(j.Modules[p.language].File)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "function.wasm"), b, 0o644)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if err := p.write(dir, f); err != nil {
		return nil, fmt.Errorf("%s: its configuration: %w", p.name, err)
	}
	args, err := fill(strings.Join(p.args(j), "\n"), f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	cmd := exec.Command(binary, strings.Split(args, "\n")...)
	cmd.Dir = dir
	env, err := fill(strings.Join(p.env, "\n"), f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	cmd.Env = append(os.Environ(), strings.Split(env, "\n")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if p.user && os.Getuid() == 0 {
		if err := give(dir, cmd.SysProcAttr); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return run(p.name, cmd, addr, filepath.Join(dir, "output.log"))
}

// run starts a command and waits until it accepts connections.
func run(name string, cmd *exec.Cmd, addr, log string) (*Process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := &Process{Addr: addr, PID: cmd.Process.Pid, cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(r.done)
	}()
	for limit := time.Now().Add(patience); ; {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
			return r, nil
		}
		select {
		case <-r.done:
			return r, fmt.Errorf("%s ended at once and said:\n%s", name, r.Log())
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(limit) {
			return r, fmt.Errorf("%s does not listen on %s after %v and said:\n%s", name, addr, patience, r.Log())
		}
	}
}

// write puts the configuration into the folder.
func (p *program) write(dir string, f fields) error {
	if p.files == "" {
		return nil
	}
	conf, err := p.conf()
	if err != nil {
		return err
	}
	return fs.WalkDir(conf, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(conf, name)
		if err != nil {
			return err
		}
		text, err := fill(string(b), f)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(text), 0o644)
	})
}

func fill(text string, f fields) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, f)
	return b.String(), err
}

// give hands the folder to nobody, as whom the command will run.
func give(dir string, attr *syscall.SysProcAttr) error {
	const nobody = 65534
	attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	return filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, nobody, nobody)
	})
}

// freeAddr is an address on loopback that nobody listens on now.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// installed finds a command in PATH and where Debian puts servers.
func installed(command, pack string) func() (string, error) {
	return func() (string, error) {
		for _, name := range []string{command, "/usr/sbin/" + command, "/usr/local/sbin/" + command} {
			if p, err := exec.LookPath(name); err == nil {
				return p, nil
			}
		}
		return "", fmt.Errorf("not installed: make bench-rivals (Debian's package %s)", pack)
	}
}
