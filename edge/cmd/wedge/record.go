package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

// recordCommand writes down what functions ask and do on a node that serves. It runs until it has as many exchanges as it was
// asked for, until it is time, or until it is interrupted: what is in the file then can be replayed.
type recordCommand struct {
	Site   string        `name:"site" placeholder:"NAME" help:"Exchanges of this site. All of the owner's sites unless said."`
	Match  string        `name:"match" placeholder:"PATTERN" help:"Only those whose path and query look like that; * stands for anything."`
	Count  int           `name:"count" default:"10" placeholder:"N" help:"How many, 1000 at most. ${default} unless said."`
	For    time.Duration `name:"for" default:"5m" placeholder:"TIME" help:"How long at most, up to 1h. ${default} unless said."`
	Output string        `name:"output" short:"o" required:"" type:"path" placeholder:"FILE" complete:"file" help:"The file to write, which must not be there yet. It can be read by you only."`
	jsonFlag
	ownerFlag
	nodeFlags
}

// A recordReport is the answer as JSON.
type recordReport struct {
	File      string `json:"file"`
	Exchanges int    `json:"exchanges"`
	Bytes     int64  `json:"bytes"`
}

func (r recordCommand) Run(c *command) error {
	node, err := c.node(r.nodeFlags)
	if err != nil {
		return err
	}
	lines, err := node.Record(c.context, r.Owner, admin.RecordRequest{Site: r.Site, Match: r.Match, Count: r.Count, For: admin.Duration(r.For)})
	if err != nil {
		return err
	}
	defer lines.Close()
	// Cookies and credentials of clients are in it.
	f, err := os.OpenFile(r.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return hint(fmt.Errorf("%s is there already", r.Output), "name another file: a recording is not written over")
	}
	if err != nil {
		return err
	}
	c.note("recording into %s; cookies and credentials that clients send will be in it, secrets of functions will not", r.Output)
	report := recordReport{File: r.Output}
	report.Exchanges, report.Bytes, err = copyLines(f, lines)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return c.answer(r.jsonFlag, report, line("%s in %s, %d bytes", counted(report.Exchanges, "exchange"), r.Output, report.Bytes))
}

// copyLines writes whole lines only, so that what an interrupted recording leaves can be read, and counts the exchanges.
func copyLines(w io.Writer, r io.Reader) (exchanges int, size int64, err error) {
	in := bufio.NewReader(r)
	for {
		l, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return exchanges, size, nil
		}
		if err != nil {
			return exchanges, size, err
		}
		if len(bytes.TrimSpace(l)) == 0 {
			continue // a sign of life
		}
		if _, err := w.Write(l); err != nil {
			return exchanges, size, err
		}
		if size += int64(len(l)); bytes.HasPrefix(l, []byte(`{"exchange":`)) {
			exchanges++
		}
	}
}
