package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

// askedFlags say what a client's request is like, for commands that ask what would become of it.
type askedFlags struct {
	Method  string   `name:"method" short:"X" placeholder:"METHOD" help:"Method of the request; GET unless said."`
	Header  []string `name:"header" short:"H" sep:"none" placeholder:"FIELD" help:"A header field of the request, as \"Name: value\"; may be repeated."`
	Address string   `name:"client" placeholder:"IP" help:"The client's address, which functions may ask for."`
}

// request is what to ask the node about.
func (a askedFlags) request(url string, more []string) (q admin.ShowRequest, err error) {
	q = admin.ShowRequest{URL: url, Method: a.Method, Client: a.Address}
	q.Fields, err = headerFields(slices.Concat(a.Header, more))
	return q, err
}

// headerFields reads header fields as flags give them.
func headerFields(list []string) (fields []admin.Field, err error) {
	for _, h := range list {
		name, value, ok := strings.Cut(h, ":")
		if !ok || name == "" {
			return nil, hint(usage(fmt.Errorf("%q is no header field", h)), `write it as "Name: value"`)
		}
		fields = append(fields, admin.Field{Name: name, Value: strings.Trim(value, " \t")})
	}
	return fields, nil
}

type cacheShow struct {
	URL string `arg:"" name:"url" complete:"url" help:"The URL that a client would ask for."`
	askedFlags
	jsonFlag
	ownerFlag
	nodeFlags
}

func (s cacheShow) Run(c *command) error {
	q, err := s.request(s.URL, nil)
	if err != nil {
		return err
	}
	node, err := c.node(s.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.CacheShow(c.context, s.Owner, q)
	if err != nil {
		return err
	}
	return c.answer(s.jsonFlag, a.Raw, func(w io.Writer) error { return printShown(w, &a.V) })
}

type cacheDebug struct {
	For time.Duration `name:"for" default:"10m" placeholder:"TIME" help:"How long it holds, at most 24h. ${default} unless said."`
	jsonFlag
	ownerFlag
	nodeFlags
}

func (d cacheDebug) Run(c *command) error {
	node, err := c.node(d.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Debug(c.context, d.Owner, admin.DebugRequest{For: admin.Duration(d.For)})
	if err != nil {
		return err
	}
	return c.answer(d.jsonFlag, a.Raw, line("%s: %s", a.V.Name, a.V.Value))
}

func printShown(w io.Writer, s *admin.Shown) error {
	t := newTable(w)
	t.row("request", s.Method+" "+s.URL)
	if s.Site != "" {
		t.row("route", strings.TrimSpace(owned(s.Owner, s.Site)+" "+s.Route))
	}
	head := "rules"
	for _, r := range s.Rules {
		t.row(head, r.Name+": "+r.Value)
		head = " "
	}
	head = "functions"
	for _, d := range s.Functions {
		t.row(head, d.Function+": "+decided(d))
		head = " "
	}
	t.row("outcome", outcomeText(s))
	if s.Key != "" {
		t.row("key", s.Key)
		for _, p := range s.Parts {
			t.row("  "+partName(p), p.Value)
		}
		t.row("variants", fmt.Sprint(s.Variants))
	}
	for _, v := range s.Vary {
		t.row("  vary "+v.Name, varyText(v))
	}
	if o := s.Stored; o != nil {
		t.row("stored", fmt.Sprintf("%d, %s, received %s for %s", o.Status, bytesText(o.Length), o.Received.Format(time.RFC3339), o.URL))
		place := o.Place
		if o.Segments > 0 {
			place = fmt.Sprintf("%d of %d segments", o.Present, o.Segments)
		}
		if place != "" {
			t.row("  body in", place)
		}
		t.row("  freshness", fmt.Sprintf("lifetime %s - age %s = %s", seconds(o.Lifetime), seconds(o.Age), seconds(o.TTL)))
		t.row("  when stale", fmt.Sprintf("while it is refreshed %s, if the origin fails %s", seconds(o.WhileRevalidate), seconds(o.IfError)))
		if len(o.Flags) > 0 || o.Purged {
			flags := strings.Join(o.Flags, ", ")
			if o.Purged {
				flags = strings.TrimPrefix(flags+", purged softly", ", ")
			}
			t.row("  but", flags)
		}
		for _, f := range o.Fields {
			t.row("  "+f.Name, f.Value)
		}
	}
	return t.flush()
}

// outcomeText says what would happen and why.
func outcomeText(s *admin.Shown) string {
	var what string
	switch s.Outcome {
	case "hit":
		what = "hit: it would be served from the cache"
	case "stale":
		what = "stale: the origin would be asked whether it still holds"
		if s.Forward == "" {
			what = "stale: it would be served, and refreshed meanwhile"
		}
	case "miss":
		what = "miss: the origin would be asked"
	case "pass":
		what = "pass: the origin would be asked, past the cache"
	default:
		what = s.Outcome
		if s.Status != 0 {
			what += fmt.Sprintf(" with %d", s.Status)
		}
	}
	if s.Reason != "" {
		what += " (" + s.Reason + ")"
	}
	return what
}

func decided(d admin.Decision) string {
	var words []string
	if d.Failed != "" {
		words = append(words, "failed, "+d.Failed)
	}
	if d.Answered {
		words = append(words, "answers the request")
	}
	if len(d.Changed) > 0 {
		words = append(words, "changes "+strings.Join(d.Changed, ", "))
	}
	return cmp.Or(strings.Join(words, "; "), "changes nothing")
}

func partName(p admin.KeyPart) string { return strings.TrimSpace(p.Kind + " " + p.Name) }

func varyText(v admin.Varies) string {
	if !v.Present {
		return "(the request has no such field)"
	}
	return v.Value
}

// seconds is a time in seconds as people write it.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second / 10).String()
}
