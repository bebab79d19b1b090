package main

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

// warmAtOnce is how many URLs a node is asked for in one call.
const warmAtOnce = 100

type cacheWarm struct {
	URLs   []string `arg:"" optional:"" name:"url" complete:"url" help:"URLs to ask for."`
	File   string   `name:"file" short:"f" placeholder:"FILE" complete:"file" help:"A file of URLs, one a line; - reads stdin."`
	Header []string `name:"header" short:"H" sep:"none" placeholder:"FIELD" help:"A header field of each request, as \"Name: value\"; may be repeated."`
	jsonFlag
	ownerFlag
	nodeFlags
}

func (k cacheWarm) Run(c *command) error {
	fields, err := headerFields(k.Header)
	if err != nil {
		return err
	}
	urls := k.URLs
	if k.File != "" {
		more, err := c.lines(k.File)
		if err != nil {
			return err
		}
		urls = append(urls, more...)
	}
	if len(urls) == 0 {
		return hint(usage(fmt.Errorf("no URL is given")), "name URLs, or a file of them with --file")
	}
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	var all admin.WarmList
	for len(urls) > 0 {
		n := min(len(urls), warmAtOnce)
		a, err := node.Warm(c.context, k.Owner, admin.WarmRequest{URLs: urls[:n], Fields: fields})
		if err != nil {
			return err
		}
		all.URLs = append(all.URLs, a.V.URLs...)
		urls = urls[n:]
	}
	failed := 0
	err = c.answer(k.jsonFlag, all, func(w io.Writer) error {
		t := newTable(w)
		for _, u := range all.URLs {
			t.row(u.URL, warmedText(u))
		}
		return t.flush()
	})
	for _, u := range all.URLs {
		if u.Error != "" {
			failed++
		}
	}
	if err == nil && failed > 0 {
		return hint(fmt.Errorf("%d of %s failed", failed, counted(len(all.URLs), "URL")), `the answer says which and why; "wedge cache show" tells more of one`)
	}
	return err
}

// lines reads the lines of a file that are not empty.
func (c *command) lines(file string) (list []string, err error) {
	r, _, err := c.open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s := bufio.NewScanner(r)
	for s.Scan() {
		if l := strings.TrimSpace(s.Text()); l != "" {
			list = append(list, l)
		}
	}
	return list, s.Err()
}

func warmedText(u admin.Warmed) string {
	if u.Error != "" {
		return "failed: " + u.Error
	}
	s := fmt.Sprintf("%d %s, %s", u.Status, u.Outcome, bytesText(u.Bytes))
	if !u.Stored {
		s += ", not stored"
		if u.Reason != "" {
			s += " (" + u.Reason + ")"
		}
	}
	return s
}

type cachePush struct {
	URL    string   `arg:"" name:"url" complete:"url" help:"The URL that clients ask for."`
	File   string   `arg:"" complete:"file" help:"The response's body; - reads it from stdin."`
	Header []string `name:"header" short:"H" sep:"none" placeholder:"FIELD" help:"A header field of the response, as \"Cache-Control: max-age=60\"; may be repeated."`
	Status int      `name:"status" placeholder:"CODE" help:"Status of the response; 200 unless said."`
	jsonFlag
	ownerFlag
	nodeFlags
}

func (k cachePush) Run(c *command) error {
	fields, err := headerFields(k.Header)
	if err != nil {
		return err
	}
	node, err := c.node(k.nodeFlags)
	if err != nil {
		return err
	}
	body, size, err := c.open(k.File)
	if err != nil {
		return err
	}
	defer body.Close()
	watched, done := c.watch(body, size, filepath.Base(k.File), "uploaded; the node stores it")
	a, err := node.Push(c.context, k.Owner, client.Object{URL: k.URL, Status: k.Status, Fields: fields, Body: watched, Size: size})
	done()
	if err != nil {
		return err
	}
	return c.answer(k.jsonFlag, a.Raw, line("stored %s", a.V.URL))
}
