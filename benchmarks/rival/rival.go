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
	// Over is how clients ask: nothing for HTTP/1.1 as it is; TLS is by HTTP/1.1, HTTP2 and HTTP3 over TLS.
	Over string
	// Spin is a module that never ends, for the node; a job that has one wants /spin/ to run such a function, and /p/ the other.
	Spin string
	// Word is what the function ua says to all who have no mobile device; nothing is "desktop".
	Word string
	// Deploys says that the function will be replaced while the rival runs.
	Deploys bool
	// Body is what a rival without a cache has in its program.
	Body []byte
}

// How clients ask when not by HTTP/1.1 as it is.
const (
	TLS   = "tls"
	HTTP2 = "http2"
	HTTP3 = "http3"
)

// Links are how many keys a store has for the function kv.
const Links = 1000

// Link is a key of that store and what is under it.
func Link(id int) (key, value string) {
	return fmt.Sprintf("item-%d", id), fmt.Sprintf("/shelves/%d/boxes/%d", id%37, id)
}

// A Function is one of many.
type Function struct{ Name, File string }

// A Process is a rival that runs.
type Process struct {
	Addr string
	PID  int
	// Deploy replaces the function by one that says another word, which file has for the node. It returns when the rival has
	// taken it over, or has been told to. It is nil where nothing can be replaced.
	Deploy func(word, file string) error
	// Metrics is where it tells of itself, empty if nowhere.
	Metrics string
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
	log     string
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
	Serial       int    // of the configuration: 0, then one more with each deploy
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
	prepare func(binary, dir string, j Job) error
	// begun, if it is there, ends the start, once connections are accepted; deploy makes a running one take the configuration in its folder, or the file.
	begun   func(binary string, f fields) error
	deploy  func(p *Process, binary string, f fields, file string) error
	metrics string // a template of the address
	// not has reasons for what it cannot do: by function, Over, "spin" and "deploy".
	not   map[string]string
	user  bool   // will not run as root: becomes nobody
	files string // the folder of its configuration

	variant             string
	language, isolation string // of the node's function
	portion             int    // 0 is 1
}

//go:embed nginx varnish haproxy trafficserver squid caddy wedge many workerd/config.capnp workerd/worker.js
var configurations embed.FS

func (p *program) Name() string         { return p.name }
func (p *program) Portion() int         { return max(p.portion, 1) }
func (p *program) conf() (fs.FS, error) { return fs.Sub(configurations, p.files) }

func (p *program) Lacks(j Job) string {
	why := p.lacks(j)
	if why == Elsewhere {
		return why
	}
	for _, name := range []string{j.Over, j.Function, map[bool]string{true: "spin"}[j.Spin != ""], map[bool]string{true: "deploy"}[j.Deploys]} {
		if reason := p.not[name]; name != "" && reason != "" {
			return reason
		}
	}
	return why
}

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
	if why := p.Lacks(j); why != "" {
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
	if j.Word == "" {
		j.Word = "desktop"
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
		if err := p.prepare(binary, dir, j); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if err := p.modules(dir, j); err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	if err := certificate(dir); j.Over != "" && err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
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
	r, err := run(p.name, cmd, addr, filepath.Join(dir, "output.log"))
	if err != nil {
		return r, err
	}
	if r.Metrics, err = fill(p.metrics, f); err != nil {
		return r, fmt.Errorf("%s: %w", p.name, err)
	}
	if p.begun != nil {
		if err := p.begun(binary, f); err != nil {
			return r, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if p.deploy != nil {
		r.Deploy = func(word, file string) error {
			f.Word = word
			f.Serial++
			if err := p.write(dir, f); err != nil {
				return fmt.Errorf("%s: its configuration: %w", p.name, err)
			}
			return p.deploy(r, binary, f, file)
		}
	}
	return r, nil
}

// modules puts the node's functions into its folder.
func (p *program) modules(dir string, j Job) error {
	if p.language == "" {
		return nil
	}
	files := map[string]string{"function.wasm": j.Modules[p.language].File}
	if j.Spin != "" {
		files["spin.wasm"] = j.Spin
	}
	for to, from := range files {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
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

// Pairs are all that the store of the function kv holds.
func (fields) Pairs() (all [][2]string) {
	for id := range Links {
		key, value := Link(id)
		all = append(all, [2]string{key, value})
	}
	return all
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
