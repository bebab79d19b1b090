package project

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// residentScript is what Node.js runs in the process that stays.
//
//go:embed resident.mjs
var residentScript string

// maxCompiled is after how many compilations the process is replaced: compilers are written to end, and keep what they need
// no more.
const maxCompiled = 200

// maxAnswer bounds what a compilation may say, in bytes.
const maxAnswer = 4 << 20

// resident is AssemblyScript's compiler in a process that stays. It compiles one thing at a time.
type resident struct {
	library  string // the compiler's file
	compiled int
	cmd      *exec.Cmd
	in       io.WriteCloser
	answers  chan answer // closed at the end of the process
}

type answer struct {
	Ready  bool   `json:"ready"`
	Failed bool   `json:"failed"`
	Text   string `json:"text"`
}

// residentPatience is how long the compiler may take to be there, and to compile.
const residentPatience = 2 * time.Minute

// openResident starts the process in a project's folder, and returns when the compiler is loaded.
func openResident(ctx context.Context, node, library, dir string) (*resident, error) {
	cmd := exec.Command(node, "--input-type=module", "--eval", residentScript, "--", library)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &resident{library: library, cmd: cmd, in: in, answers: make(chan answer, 1)}
	go func() {
		defer close(r.answers)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, maxAnswer)
		for lines.Scan() {
			var a answer
			// A transform of the project may print what it likes.
			if strings.HasPrefix(lines.Text(), `{"`) && json.Unmarshal(lines.Bytes(), &a) == nil {
				r.answers <- a
			}
		}
		io.Copy(io.Discard, out)
	}()
	if a, err := r.answer(ctx); err != nil || !a.Ready {
		r.close()
		return nil, errors.Join(err, errors.New("the compiler does not start"))
	}
	return r, nil
}

// compile has the compiler run with arguments, as if they were those of its command.
func (r *resident) compile(ctx context.Context, args []string) (text string, failed bool, err error) {
	line, err := json.Marshal(args)
	if err != nil {
		return "", false, err
	}
	r.compiled++
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		return "", false, err
	}
	a, err := r.answer(ctx)
	return a.Text, a.Failed, err
}

func (r *resident) answer(ctx context.Context) (answer, error) {
	timer := time.NewTimer(residentPatience)
	defer timer.Stop()
	select {
	case a, ok := <-r.answers:
		if !ok {
			return a, errors.New("the compiler has ended")
		}
		return a, nil
	case <-timer.C:
		return answer{}, fmt.Errorf("the compiler has not answered for %s", residentPatience)
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// close ends the process, whatever it does, and waits for its end.
func (r *resident) close() {
	r.in.Close()
	r.cmd.Process.Kill()
	for range r.answers { // Wait closes the pipe: what is in it is read first
	}
	r.cmd.Wait()
}
