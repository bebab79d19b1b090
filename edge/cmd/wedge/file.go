package main

import (
	"fmt"
	"io"
	"os"
)

// open opens what is to be uploaded, stdin if its name is "-", and says how long it is; -1 if only its end tells.
func (c *command) open(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		if c.asks {
			c.note("reading from the terminal, up to Ctrl-D")
		}
		return io.NopCloser(c.stdin), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	if info.IsDir() {
		f.Close()
		return nil, 0, hint(fmt.Errorf("%s is a folder", name), "name a file")
	}
	if !info.Mode().IsRegular() {
		return f, -1, nil
	}
	return f, info.Size(), nil
}
