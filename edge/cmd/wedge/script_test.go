package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/config"
)

var rewrite = flag.Bool("rewrite", false, "write expected outputs anew instead of comparing them")

// TestMain lets the test binary be the command: a script that says "wedge" starts this very binary again.
func TestMain(m *testing.M) {
	testscript.Main(withCaches{m}, map[string]func(){"wedge": watchedMain})
}

// withCaches gives the tests a cache folder of their own, which their processes share: they compile one JavaScript engine, and leave alone what the user's commands
// have compiled. Go's compiler keeps its own.
type withCaches struct{ *testing.M }

func (m withCaches) Run() int {
	if dir, err := os.UserCacheDir(); err == nil && os.Getenv("GOCACHE") == "" {
		os.Setenv("GOCACHE", filepath.Join(dir, "go-build"))
	}
	dir, err := os.MkdirTemp("", "wedge-caches-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("XDG_CACHE_HOME", dir)
	return m.M.Run()
}

// hintless names the variable with the file into which errors without a hint are written, whatever a script expects.
const hintless = "WEDGE_TEST_HINTLESS"

// watchedMain is main, but that it looks at what is written to stderr, and waits longer.
func watchedMain() {
	var said sharedBuffer
	c := newCommand(os.Stdin, os.Stdout, io.MultiWriter(os.Stderr, &said))
	c.patience = time.Minute // a machine that is busy with tests answers late
	code := c.run(os.Args[1:])
	if errs, hints := bytes.Count(said.Bytes(), []byte("wedge: error: ")), bytes.Count(said.Bytes(), []byte("wedge: hint: ")); errs > hints {
		f, err := os.OpenFile(os.Getenv(hintless), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(f, "wedge %q:\n%s", os.Args[1:], said.Bytes())
		f.Close()
	}
	os.Exit(code)
}

// sharedBuffer is a buffer that several goroutines may write to, as they may to a file. It is read when all have ended.
type sharedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// TestScript runs testdata/script: each file plays one part of the command line, each block says what it guards.
//
// Beside what testscript has there are the commands
//
//	node [TOKEN]   starts a node: the real API over stores in memory. With the word token it asks for the
//	               token in the file admin.token, or for the one in read.token, which may only read.
//	               WEDGE_NODE says where it is. It is stopped at the end of the script.
//	logs N         lets the functions of the node log N lines
//	drain          lets the node drain
//	dev ...        starts wedge dev, see startDev
//	event ...      waits for what it tells, see wantEvent
//	background ... starts a command that stays, see startTalker; said REGEXP waits for a line of it, finish ends it
func TestScript(t *testing.T) {
	complaints := filepath.Join(t.TempDir(), "hintless")
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/script",
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			UpdateScripts:       *rewrite,
			Setup: func(env *testscript.Env) error {
				env.Setenv("TZ", "UTC")
				env.Setenv("GORACE", "atexit_sleep_ms=0") // each command is a process; under the race detector each would sleep for a second
				env.Setenv(hintless, complaints)
				env.Values[nodeKey{}] = new(*fakeNode)
				env.Values[devKey{}] = new(*devRun)
				env.Values[talkerKey{}] = new(*talker)
				return scriptTools(env)
			},
			Condition: hasTool,
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"node": startNode, "logs": writeLogs, "drain": drainNode, "dev": startDev, "event": wantEvent,
				"background": startTalker, "said": wantSaid, "finish": finishTalker,
			},
		})
	})
	if b, err := os.ReadFile(complaints); err == nil {
		t.Errorf("every error has a hint, but these:\n%s", b)
	}
}

// nodeKey is where a script keeps its node.
type nodeKey struct{}

// nodeOf is the node that a script has started.
func nodeOf(ts *testscript.TestScript) *fakeNode {
	n := *ts.Value(nodeKey{}).(**fakeNode)
	if n == nil {
		ts.Fatalf("no node was started")
	}
	return n
}

const (
	operatorToken = "operator-0123456789abcdef"
	readerToken   = "reader-0123456789abcdef"
)

func startNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 || len(args) == 1 && args[0] != "token" {
		ts.Fatalf("usage: node [token]")
	}
	n := &fakeNode{functions: map[string]*admin.Function{}, stores: map[string]map[string]admin.Entry{}, file: ts.MkAbs("node/wedge.yaml")}
	text := "sites:\n  - {hosts: [shop.example, \"*.shop.example\"], origin: shop}\norigins:\n  - {name: shop, servers: [{url: \"http://127.0.0.1:9000\"}]}\n"
	ts.Check(os.MkdirAll(filepath.Dir(n.file), 0o700))
	ts.Check(os.WriteFile(n.file, []byte(text), 0o600))
	var err error
	n.running, err = config.Load(n.file)
	ts.Check(err)
	o := admin.Options{
		Functions: n, Cache: fakeCache{n}, KV: fakeKV{n}, Records: fakeRecords{}, Config: fakeConfig{n}, Health: fakeHealth{n}, Metrics: http.NotFoundHandler(),
		Loopback: true, ConfigFile: n.file, AuditFile: ts.MkAbs("node/audit.log"), MaxValue: 4096,
		Now: func() time.Time { return fakeTime.Add(90 * time.Minute) },
	}
	if len(args) == 1 {
		o.Tokens = []admin.Token{
			{Name: "operator", Scopes: []admin.Scope{admin.ScopeAdmin}, Secret: operatorToken},
			{Name: "reader", Owner: "default", Scopes: []admin.Scope{admin.ScopeRead}, Secret: readerToken},
		}
		ts.Check(os.WriteFile(ts.MkAbs("admin.token"), []byte(operatorToken+"\n"), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs("read.token"), []byte(readerToken+"\n"), 0o600))
	}
	s, err := admin.New(o)
	ts.Check(err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	*ts.Value(nodeKey{}).(**fakeNode) = n
	ts.Defer(func() {
		s.Close()
		if err := <-done; err != nil {
			panic(err)
		}
	})
	ts.Setenv("WEDGE_NODE", ln.Addr().String())
}

func writeLogs(ts *testscript.TestScript, neg bool, args []string) {
	var count int
	if _, err := fmt.Sscan(strings.Join(args, " "), &count); neg || err != nil {
		ts.Fatalf("usage: logs N")
	}
	n := nodeOf(ts)
	defer n.lock()()
	for range count {
		i := len(n.logs) + 1
		n.logs = append(n.logs, admin.LogLine{Number: uint64(i), Time: fakeTime.Add(time.Duration(i) * time.Millisecond), Level: "info", Message: fmt.Sprintf("line %d\x1b[2J", i)})
	}
}

func drainNode(ts *testscript.TestScript, neg bool, args []string) {
	n := nodeOf(ts)
	defer n.lock()()
	n.draining = true
}
