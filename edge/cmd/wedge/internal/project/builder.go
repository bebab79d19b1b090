package project

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A Builder builds one project again and again, faster than [Project.Build] does: what two builds have in common is made
// once. AssemblyScript's compiler stays in a process of its own, and Rust's SDK is compiled when it has changed only. C has
// nothing that were worth keeping, and Go keeps it by itself. A Builder is used by one goroutine at a time.
type Builder struct {
	p    *Project
	asc  *resident // nil until it is needed
	dir  string    // for what is kept; "" until it is needed
	rlib stampOf   // what Rust's SDK was compiled from
}

// NewBuilder makes a Builder of a project. It has to be closed.
func NewBuilder(p *Project) *Builder { return &Builder{p: p} }

// Build compiles the project as [Project.Build] does.
func (b *Builder) Build(ctx context.Context, o BuildOptions) (*Built, error) {
	return b.p.build(ctx, o, b)
}

// Close ends the compiler that stays, and removes what was kept.
func (b *Builder) Close() (err error) {
	if b.asc != nil {
		b.asc.close()
		b.asc = nil
	}
	if b.dir != "" {
		err = os.RemoveAll(b.dir)
		b.dir = ""
	}
	return err
}

// folder is where things are kept between two builds.
func (b *Builder) folder() (string, error) {
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "wedge-builder-")
		if err != nil {
			return "", err
		}
		b.dir = dir
	}
	return b.dir, nil
}

// script runs AssemblyScript's compiler in the process that stays. The second result is false if there can be none, so that
// the compiler has to be started: it was found as a command of its own, or is a version without that door.
func (b *Builder) script(ctx context.Context, t tools, dir string, args []string) (text string, ran bool, err error) {
	if len(t.compiler) != 2 {
		return "", false, nil
	}
	library := filepath.Join(filepath.Dir(t.compiler[1]), "..", "dist", "asc.js")
	if _, err := os.Stat(library); err != nil {
		return "", false, nil
	}
	if b.asc != nil && (b.asc.library != library || b.asc.compiled >= maxCompiled) {
		b.asc.close()
		b.asc = nil
	}
	if b.asc == nil {
		if b.asc, err = openResident(ctx, t.compiler[0], library, dir); err != nil {
			return "", false, ctx.Err() // started anew each time it may work, or say better why not
		}
	}
	text, failed, err := b.asc.compile(ctx, args)
	if err != nil {
		b.asc.close() // what it would say next belongs to this compilation
		b.asc = nil
		return "", false, ctx.Err()
	}
	if failed {
		return text, true, errFailed
	}
	return text, true, nil
}

// errFailed says that a compiler did not take the source.
var errFailed = errors.New("the compiler did not take the source")

// stampOf is what the files of a folder look like from outside.
type stampOf map[string]string

// stamp looks at the files below a folder.
func stamp(dir string) stampOf {
	s := stampOf{}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			s[path] = fmt.Sprint(info.ModTime().UnixNano(), info.Size())
		}
		return nil
	})
	return s
}
