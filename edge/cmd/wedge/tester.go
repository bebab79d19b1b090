package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/node"
	"github.com/wedgecdn/wedge/runtime/engine"
)

// maxTestOutput bounds what is read of the process that tests.
const maxTestOutput = 4 << 20

// holdCommand is the child process in which the node holds conversations: wedge function test, within limits that the kernel keeps.
type holdCommand struct{ functionTest }

// What the process may take: processor time for as long as the node waits for it, and address space for a node of 512 MiB that compiles large modules.
const (
	holdSeconds = 120
	holdMemory  = 4 << 30
)

func (h holdCommand) Run(c *command) error {
	if err := engine.Confine(holdSeconds, holdMemory); err != nil {
		return hint(fmt.Errorf("limit this process: %w", err), "it is the node that starts this command; wedge function test is the one to run by hand")
	}
	return h.once(c)
}

// childTester makes a tester that runs "wedge function test" in a process of its own: what a conversation makes a function do cannot
// stall the node, and ends with the process.
func childTester(self string) node.Tester {
	return func(ctx context.Context, name string, module []byte, cases []admin.Case) ([]admin.CaseReport, error) {
		dir, err := os.MkdirTemp("", "wedge-test-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		args := []string{"hold", dir, "--module", filepath.Join(dir, "function.wasm"), "--name", name, "--json"}
		if err := os.WriteFile(filepath.Join(dir, "function.wasm"), module, 0o600); err != nil {
			return nil, err
		}
		for _, k := range cases {
			file := filepath.Join(dir, "case-"+k.Name)
			if err := os.WriteFile(file, []byte(k.Text), 0o600); err != nil {
				return nil, err
			}
			args = append(args, "--cases", file)
		}
		cmd := exec.CommandContext(ctx, self, args...)
		cmd.Dir, cmd.WaitDelay = dir, time.Second
		// Nothing of the node's own environment: secrets may stand there.
		cmd.Env = []string{"TMPDIR=" + dir, "GOMEMLIMIT=512MiB", "GOMAXPROCS=1"}
		var stdout, stderr bounded
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		failed := cmd.Run()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var report testReport
		if err := json.Unmarshal(stdout.b.Bytes(), &report); err != nil || len(report.Cases) != len(cases) {
			if _, ok := errors.AsType[*exec.ExitError](failed); !ok && failed != nil {
				return nil, failed
			}
			// It says what is wrong with a file as it would at a terminal.
			text := strings.ReplaceAll(stderr.b.String(), "case-", "")
			return nil, &admin.Error{Code: admin.Invalid, Field: "cases", Message: "the conversations cannot be held: " + firstComplaint(text), Hint: "wedge function test tells the same where the files are"}
		}
		out := []admin.CaseReport{}
		for _, r := range report.Cases {
			out = append(out, admin.CaseReport{Name: strings.TrimPrefix(r.File, "case-"), OK: r.OK, Difference: r.Difference, Seconds: r.Seconds})
		}
		return out, nil
	}
}

// firstComplaint is the first error that a command has written.
func firstComplaint(text string) string {
	for l := range strings.Lines(text) {
		if what, ok := strings.CutPrefix(strings.TrimSpace(l), "wedge: error: "); ok {
			return what
		}
	}
	return fmt.Sprintf("%.200q", text)
}

// bounded keeps the beginning of what is written.
type bounded struct{ b bytes.Buffer }

func (w *bounded) Write(p []byte) (int, error) {
	if room := maxTestOutput - w.b.Len(); len(p) > room {
		w.b.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return w.b.Write(p)
}
