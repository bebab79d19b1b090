package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// value opens the value that is meant: the argument, a file, or stdin.
func (c *command) value(argument *string, file string) (io.ReadCloser, int64, error) {
	if argument != nil {
		return io.NopCloser(strings.NewReader(*argument)), int64(len(*argument)), nil
	}
	if file == "" {
		file = "-"
	}
	return c.open(file)
}

type kvImport struct {
	Store string `arg:"" complete:"store" help:"Name of the store."`
	File  string `arg:"" optional:"" default:"-" complete:"file" help:"File with the lines of an export; - or nothing is stdin."`
	jsonFlag
	kvFlags
}

func (k kvImport) Run(c *command) error {
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	lines, size, err := c.open(k.File)
	if err != nil {
		return err
	}
	defer lines.Close()
	watched, done := c.watch(lines, size, filepath.Base(k.File), "uploaded; the node writes it")
	a, err := node.Import(c.context, k.Owner, k.Store, watched, size)
	done()
	if err != nil {
		return err
	}
	return c.answer(k.jsonFlag, a.Raw, line("%d written, %d unchanged, %d expired meanwhile", a.V.Written, a.V.Unchanged, a.V.Expired))
}

type kvExport struct {
	Store  string `arg:"" complete:"store" help:"Name of the store."`
	Output string `name:"output" short:"o" placeholder:"FILE" help:"Write to a file, which is only replaced by a whole export."`
	kvFlags
}

func (k kvExport) Run(c *command) error {
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	lines, err := node.Export(c.context, k.Owner, k.Store)
	if err != nil {
		return err
	}
	defer lines.Close()
	if k.Output == "" {
		_, err := io.Copy(c.stdout, lines)
		return err
	}
	count := &lineCounter{}
	if err := replaceFile(k.Output, io.TeeReader(lines, count)); err != nil {
		return err
	}
	c.note("%s in %s", counted(count.n, "key"), k.Output)
	return nil
}

// lineCounter counts the lines that are written to it.
type lineCounter struct{ n int }

func (l *lineCounter) Write(b []byte) (int, error) {
	l.n += bytes.Count(b, []byte("\n"))
	return len(b), nil
}

// replaceFile writes what r has into a file in one step: whoever reads the file sees the old text or the new one. A
// file that is none, such as a pipe, is written as it is.
func replaceFile(name string, r io.Reader) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		return errors.Join(err, f.Close())
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".wedge-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails once it has been renamed
	if _, err := io.Copy(tmp, r); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
