package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/cases"
	"github.com/wedgecdn/wedge/hostapi/journal"
	"github.com/wedgecdn/wedge/hostapi/replay"
)

// replayCommand runs the functions of a recording again, without a node.
type replayCommand struct {
	File        string   `arg:"" type:"path" complete:"file" help:"The recording that \"wedge record\" has written."`
	Function    []string `name:"function" sep:"none" placeholder:"FILE" complete:"file" help:"Run this module in place of the recorded one; NAME=FILE if several functions were recorded. A version that is in the recording can stand in place of FILE. It may be given again."`
	Secret      []string `name:"secret" sep:"none" placeholder:"NAME=FILE" help:"What a secret is; stand-ins take the place of the others. It may be given again."`
	Interpreter bool     `name:"interpreter" help:"Run modules without compiling them."`
	jsonFlag
}

// A replayReport is the answer as JSON.
type replayReport struct {
	Exchanges int `json:"exchanges"`
	Hooks     int `json:"hooks"`
	Different int `json:"different"` // exchanges
	// Left is what could not be replayed, and why.
	Left     []string         `json:"left,omitempty"`
	Changes  []replayedChange `json:"changes,omitempty"`
	StandIns []string         `json:"stand_ins,omitempty"`
}

// replayedChange is a hook that did something else.
type replayedChange struct {
	Exchange string `json:"exchange"`
	URL      string `json:"url"`
	Function string `json:"function"`
	Hook     string `json:"hook,omitempty"`
	// Difference has a line for each thing that was recorded ("-") and that came instead ("+").
	Difference string `json:"difference"`
}

// mostChanges bounds how many differences are told.
const mostChanges = 20

// errDiffers is what a replay ends with that did something else.
var errDiffers = errors.New("the functions did not do what they did when it was recorded")

func (r replayCommand) Run(c *command) error {
	secrets := map[string]string{}
	given, err := pairs(r.Secret, "=", "--secret")
	if err != nil {
		return err
	}
	for _, p := range given {
		b, err := os.ReadFile(p.Value)
		if err != nil {
			return err
		}
		secrets[p.Name] = strings.TrimSuffix(string(b), "\n")
	}
	modules, err := r.modules()
	if err != nil {
		return err
	}
	f, err := os.Open(r.File)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := journal.NewReader(f)
	if err != nil {
		return hint(fmt.Errorf("%s: %w", r.File, err), `"wedge record" writes recordings`)
	}
	player, err := replay.New(replay.Options{Interpreter: r.Interpreter, Secrets: secrets})
	if err != nil {
		return err
	}
	defer player.Close()
	var report replayReport
	for {
		x, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return hint(fmt.Errorf("%s: %w", r.File, err), "the file has been changed or cut; record again")
		}
		if err := r.one(c, player, in, modules, secrets, x, &report); err != nil {
			return err
		}
	}
	if err := c.answer(r.jsonFlag, report, func(w io.Writer) error { return report.print(w) }); err != nil {
		return err
	}
	if report.Different > 0 {
		return hint(fmt.Errorf("%s of %d: %w", counted(report.Different, "exchange"), report.Exchanges, errDiffers), "- is the recording, + is what came")
	}
	return nil
}

// modules are the arguments of --function by function, "" for all.
func (r replayCommand) modules() (map[string]string, error) {
	m := map[string]string{}
	for _, f := range r.Function {
		name, file, named := strings.Cut(f, "=")
		if !named {
			name, file = "", f
		}
		if m[name] != "" {
			return nil, hint(usage(fmt.Errorf("--function says two modules for one function: %s and %s", m[name], file)), "--function NAME=FILE says for which of the functions a module is")
		}
		m[name] = file
	}
	return m, nil
}

// module finds what a run runs.
func (r replayCommand) module(in *journal.Reader, modules map[string]string, x *journal.Exchange, run *journal.Run) ([]byte, error) {
	file, named := modules[run.Function]
	if !named {
		if file = modules[""]; file != "" && slices.ContainsFunc(x.Runs, func(other *journal.Run) bool { return other.Function != run.Function }) {
			return nil, hint(usage(fmt.Errorf("the recording has several functions, %s among them, and --function does not say which is meant", run.Function)), "say --function %s=%s", run.Function, file)
		}
	}
	if file == "" {
		if b := in.Code(run.Version); len(b) > 0 {
			return b, nil
		}
		return nil, hint(fmt.Errorf("the recording has no code of %s, version %.12s", run.Function, run.Version), "the module had been replaced when it was recorded; --function %s=FILE says another", run.Function)
	}
	if b := in.Version(file); len(b) > 0 {
		return b, nil
	}
	return os.ReadFile(file)
}

func (r replayCommand) one(c *command, player *replay.Player, in *journal.Reader, modules, secrets map[string]string, x *journal.Exchange, report *replayReport) error {
	report.Exchanges++
	different := false
	for _, run := range x.Runs {
		if run.Cut != "" {
			report.leave("%s of %s: %s", run.Function, x.URL, run.Cut)
			continue
		}
		if run.Settings.Isolation == "instance" {
			report.leave("%s keeps its instances: what it remembers of earlier requests is in no recording, it was recorded as it begins", run.Function)
		}
		for name := range run.Settings.Secrets {
			if _, known := secrets[name]; !known && !slices.Contains(report.StandIns, run.Function+"/"+name) {
				report.StandIns = append(report.StandIns, run.Function+"/"+name)
			}
		}
		module, err := r.module(in, modules, x, run)
		if err != nil {
			return err
		}
		got, err := player.Run(c.context, x, run, module)
		if err != nil {
			return hint(fmt.Errorf("%s cannot be run: %w", run.Function, err), `"wedge function build" says what a function needs`)
		}
		report.Hooks += len(got.Steps)
		for _, d := range replay.Compare(run, got) {
			if different = true; len(report.Changes) < mostChanges {
				report.Changes = append(report.Changes, replayedChange{x.ID, string(x.URL), run.Function, d.Hook, cases.Difference(d.Want, d.Got)})
			}
		}
	}
	if different {
		report.Different++
	}
	return nil
}

// leave says, once, what is not replayed.
func (r *replayReport) leave(format string, args ...any) {
	const most = 50
	if s := fmt.Sprintf(format, args...); len(r.Left) < most && !slices.Contains(r.Left, s) {
		r.Left = append(r.Left, s)
	}
}

func (r *replayReport) print(w io.Writer) error {
	var b strings.Builder
	for _, ch := range r.Changes {
		where := ch.Function + " " + ch.Hook
		if ch.Hook == "" {
			where = ch.Function + " outside of its hooks"
		}
		fmt.Fprintf(&b, "%s %s: %s\n", ch.Exchange, clean(ch.URL), where)
		for l := range strings.Lines(ch.Difference) {
			b.WriteString(clean(strings.TrimSuffix(l, "\n")) + "\n")
		}
	}
	if r.Different > 0 && len(r.Changes) == mostChanges {
		fmt.Fprintf(&b, "only the first %d differences are shown\n", mostChanges)
	}
	for _, s := range r.Left {
		fmt.Fprintf(&b, "left out: %s\n", clean(s))
	}
	if len(r.StandIns) > 0 {
		fmt.Fprintf(&b, "with stand-ins for secrets: %s\n", clean(strings.Join(r.StandIns, ", ")))
	}
	fmt.Fprintf(&b, "%s, %s, %d different\n", counted(r.Exchanges, "exchange"), counted(r.Hooks, "hook"), r.Different)
	_, err := io.WriteString(w, b.String())
	return err
}
