package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/live"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/watch"
)

type devCommand struct {
	Dir     string   `arg:"" optional:"" default:"." type:"path" complete:"file" help:"The project's folder. This one unless said."`
	Address string   `name:"addr" default:"127.0.0.1:7676" placeholder:"ADDRESS" help:"Where the node answers; ${default} unless said."`
	Admin   string   `name:"admin" placeholder:"ADDRESS" help:"Where the operators' API answers, to which the other commands speak; 127.0.0.1:9070 unless said, or any free port if that is taken."`
	Origin  string   `name:"origin" placeholder:"URL" help:"The origin, as http://host:port or https://host, or a folder of files. Without it one that tells what it was asked."`
	Cases   string   `name:"cases" type:"path" placeholder:"FILE" complete:"file" help:"The conversation whose config, secrets and stores the function gets; function.cases in the folder unless said."`
	Set     []string `name:"set" sep:"none" placeholder:"NAME=VALUE" help:"A setting of the function's config, over that of the conversation. It may be given again."`
	State   string   `name:"state" type:"path" placeholder:"FOLDER" help:"Keep the node's files here, stores and versions among them; without it they are removed at the end."`
	jsonFlag
}

func (f devCommand) Run(c *command) (err error) {
	p, err := project.Open(f.Dir)
	if errors.Is(err, project.ErrNoProject) {
		return hint(err, `"wedge function new NAME --lang c" makes a project; its folder has go.mod, Cargo.toml, index.ts, a .c file, or package.json with @fastly/js-compute`)
	}
	if err != nil {
		return err
	}
	if missing := (*project.MissingError)(nil); errors.As(project.Toolchain(p.Language, p.Dir), &missing) {
		return hint(missing, "%s", missing.Hint())
	}
	// Signals are taken from the beginning: what a start has made is removed as well.
	ctx, stop := signal.NotifyContext(c.context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	d := &dev{lines: new(sourceMaps), sources: &sources{dir: p.Dir}, c: c, p: p, builder: project.NewBuilder(p), files: watch.New(p.Dir, watch.Options{})}
	defer func() { err = errors.Join(err, d.builder.Close()) }()
	d.view = live.New(live.Options{Out: c.stdout, JSON: f.JSON, Colors: colors(c.stdout), Source: d.sources.lines, Place: d.lines.place})
	defer func() { err = errors.Join(err, d.view.Close()) }()
	n, err := c.openDevNode(ctx, f, p, d.view)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	d.node = n
	d.say("ready", map[string]any{"http": n.node.Addr(), "admin": n.node.AdminAddr(), "function": p.Name, "language": string(p.Language)}, "%s", n.text())
	// A compiler may take half a minute the first time, and who asks meanwhile gets 503.
	slow := time.AfterFunc(firstBuild, func() {
		d.say("building", nil, "%s is being built: until it runs, requests are answered with 503", p.Name)
	})
	d.reload(ctx)
	slow.Stop()
	for {
		changed := d.files.Wait(ctx)
		if ctx.Err() != nil {
			return nil
		}
		d.changed = changed
		d.reload(ctx)
	}
}

// firstBuild is how long nothing is said of the first build.
const firstBuild = 2 * time.Second

// dev is one run of the command. All of it belongs to one goroutine, but the view.
type dev struct {
	c       *command
	p       *project.Project
	builder *project.Builder
	files   *watch.Watcher
	view    *live.View
	node    *devNode
	changed []string // since the version that was tried last
	deploys int      // versions that the node took
	lines   *sourceMaps
	sources *sources
}

// sourceMaps are the maps of the versions that came last, which the view asks while others come. mu guards all of it.
type sourceMaps struct {
	mu   sync.Mutex
	last []versionMap
}

type versionMap struct {
	version string
	lines   *project.SourceMap
}

// mappedVersions is of how many versions maps are kept: the node keeps no more versions either.
const mappedVersions = 20

// hashOf is what a node calls a module.
func hashOf(module []byte) string {
	sum := sha256.Sum256(module)
	return hex.EncodeToString(sum[:])
}

func (m *sourceMaps) add(version string, lines *project.SourceMap) {
	if lines == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = append(m.last, versionMap{version, lines})
	m.last = m.last[max(0, len(m.last)-mappedVersions):]
}

func (m *sourceMaps) place(version string, offset int) (file string, line, column int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.last {
		if v.version == version {
			return v.lines.Place(offset)
		}
	}
	return "", 0, 0, false
}

func (d *dev) say(event string, more any, format string, args ...any) {
	d.view.Tell(live.Told{Event: event, Text: fmt.Sprintf(format, args...), More: more})
}

// A devBuild is what JSON has about a version.
type devBuild struct {
	Changed []string `json:"changed,omitempty"`
	Version string   `json:"version,omitempty"`
	Size    int      `json:"size,omitempty"`
	Hooks   []string `json:"hooks,omitempty"`
	// BuildSeconds is the compiler's time, Seconds all of it: from the moment a change was seen until requests run the new version.
	BuildSeconds float64  `json:"build_seconds"`
	Seconds      float64  `json:"seconds"`
	Errors       []string `json:"errors,omitempty"`
	Hint         string   `json:"hint,omitempty"`
}

// reload builds the project and has the node run what came. If it cannot be built, or the node refuses it, the version before
// stays.
func (d *dev) reload(ctx context.Context) {
	report := devBuild{Changed: d.changed}
	began := time.Now()
	source := readSource(d.p.Dir) // before the compiler does: what is saved meanwhile is built again
	built, err := d.builder.Build(ctx, project.BuildOptions{Debug: true, Plain: true, Quick: true})
	report.BuildSeconds = time.Since(began).Seconds()
	var deployed admin.Deployed
	if err == nil {
		version := hashOf(built.Module)
		d.lines.add(version, built.Lines) // before the first request can fail
		d.sources.add(version, source)
		deployed, err = d.node.deploy(ctx, built.Module, d.message())
	}
	report.Seconds = time.Since(began).Seconds()
	if ctx.Err() != nil {
		return
	}
	at := time.Now().Format("15:04:05")
	if err != nil {
		report.Errors, report.Hint = d.refused(err)
		next := "mend it and save"
		if d.deploys > 0 {
			next = "the version that runs stays; mend it and save"
		}
		d.say("refused", report, "%s %s\n%s\nwedge: hint: %s\n%s", at, d.what(), strings.Join(report.Errors, "\n"), report.Hint, next)
		return
	}
	v := deployed.Version
	report.Version, report.Size, report.Hooks = v.Hash, v.Size, v.Hooks
	d.deploys++
	if deployed.Previous == v.Hash {
		d.say("built", report, "%s %s, and the module is the same: version %s runs on", at, d.what(), short(v.Hash))
		return
	}
	d.say("built", report, "%s %s: version %s runs after %.2f s: %s, %s", at, d.what(), short(v.Hash), report.Seconds, bytesText(int64(v.Size)), d.kind(v.Hooks))
}

// kind says by what a version is called.
func (d *dev) kind(hooks []string) string {
	if d.p.Language.Handler() {
		return "a handler"
	}
	return strings.Join(hooks, " ")
}

// what tells what the version is for.
func (d *dev) what() string {
	if len(d.changed) == 0 {
		return d.p.Name + " is built"
	}
	return changedText(d.changed)
}

// message is the version's.
func (d *dev) message() string {
	text := d.what()
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}

// refused says why there is no new version: in lines, and what to do.
func (d *dev) refused(err error) (lines []string, next string) {
	err = d.c.advise(buildError(d.p, err))
	if compile := (*project.CompileError)(nil); errors.As(err, &compile) {
		for line := range strings.Lines(compile.Text) {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
	}
	for _, p := range complaints(err) {
		lines = append(lines, "wedge: error: "+p.text)
		if p.hint != "" {
			next = p.hint
		}
	}
	return lines, next
}

// buildError adds hints to an error of building or deploying a project.
func buildError(p *project.Project, err error) error {
	var missing *project.MissingError
	var compile *project.CompileError
	var refused *admin.Error
	switch {
	case errors.As(err, &missing):
		return hint(err, "%s", missing.Hint())
	case errors.As(err, &compile):
		return hint(err, "%s", compileHint(compile))
	case errors.As(err, &refused) && strings.Contains(refused.Message, "exports no hook"):
		short := *refused
		short.Message, _, _ = strings.Cut(refused.Message, ": looked for") // what other kinds of functions would have: its language says of which kind this is
		return hint(&short, "%s", noHookHint(p.Language, refused.Hint))
	case errors.As(err, &refused) && strings.Contains(refused.Message, "exports hooks, but not "):
		return hint(err, "%s", exportHint(p.Language))
	case errors.As(err, &refused) && strings.Contains(refused.Message, "imports: "):
		return hint(err, "%s", importHint(p, refused.Message))
	}
	return err
}

// unknownImport is what the engine says of one.
var unknownImport = regexp.MustCompile(`imports: (\S+?)\.(\S+) is unknown`)

// importHint is about a module that imports what no node has: where the source has it, if it says so, and what it can import.
func importHint(p *project.Project, why string) string {
	const can = "a function can import what the SDK declares, and WASI: what it wants else of a browser, of Node.js or of a C library is not there"
	m := unknownImport.FindStringSubmatch(why)
	if m == nil {
		return can
	}
	words := m[1:]
	if m[1] == "env" {
		words = m[2:] // so linkers call the module of what they did not find, and no source does
	}
	if at := p.Mention(words...); at != "" {
		return at + " has it: " + can
	}
	return can
}

// deploy has the node run a module, and forgets what earlier versions have stored.
func (n *devNode) deploy(ctx context.Context, module []byte, message string) (admin.Deployed, error) {
	a, err := n.client.Deploy(ctx, "", n.name, client.Module{Body: bytes.NewReader(module), Size: int64(len(module)), Message: message})
	if err != nil {
		return admin.Deployed{}, err
	}
	_, err = n.client.Purge(ctx, "", admin.PurgeRequest{All: true})
	return a.V, err
}
