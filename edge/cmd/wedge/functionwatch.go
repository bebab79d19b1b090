package main

import (
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/project"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/watch"
)

// watch tests again and again: when a file of the project changes, or a conversation elsewhere.
func (f functionTest) watch(c *command) (err error) {
	switch {
	case f.Module != "":
		return hint(usage(errors.New("--watch and --module are both given")), "leave one of them out: what is watched is a project's source")
	case f.Record:
		return hint(usage(errors.New("--watch and --record are both given")), "leave one of them out: what is recorded should be read, once")
	}
	p, err := project.Open(f.Dir)
	if errors.Is(err, project.ErrNoProject) {
		return hint(err, "name a project's folder")
	}
	if err != nil {
		return err
	}
	for _, file := range f.Cases {
		if rel, err := filepath.Rel(p.Dir, file); err != nil || strings.HasPrefix(rel, "..") {
			c.note("%s is not in %s: a change of it wakes nobody", file, p.Dir)
		}
	}
	ctx, stop := signal.NotifyContext(c.context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	keep := project.NewBuilder(p)
	defer func() { err = errors.Join(err, keep.Close()) }()
	f.by = keep
	files := watch.New(p.Dir, watch.Options{})
	for {
		if err := f.once(c); ctx.Err() == nil {
			c.report(err)
		}
		changed := files.Wait(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fmt.Fprintf(c.stderr, "wedge: %s\n", clean(changedText(changed)))
	}
}

// changedText says which files changed: the first by its name.
func changedText(files []string) string {
	if len(files) == 1 {
		return files[0] + " changed"
	}
	return fmt.Sprintf("%s and %s changed", files[0], counted(len(files)-1, "other file"))
}
