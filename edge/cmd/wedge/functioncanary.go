package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
)

// trialFlags are embedded by the commands that make a version run.
type trialFlags struct {
	Canary         string        `name:"canary" placeholder:"SHARE" group:"Canary:" help:"Run it for this share of the clients only, as in 5%."`
	CanaryHeader   string        `name:"canary-header" placeholder:"FIELD" group:"Canary:" help:"Run it for requests with this header field only, as in 'X-Canary: 1'; beside --canary, for them as well."`
	CanaryCookie   string        `name:"canary-cookie" placeholder:"NAME" group:"Canary:" help:"Tell clients apart by this cookie, where they have it, and not by their address."`
	RollbackOn     []string      `name:"rollback-on" sep:"none" placeholder:"BUDGET" group:"Canary:" help:"Give the canary up by itself when 'errors 1%', 'p99 5ms' (of processor time) or 'p99 wall 20ms' is exceeded. It may be given again."`
	RollbackWindow time.Duration `name:"rollback-window" placeholder:"DURATION" group:"Canary:" help:"Count calls over so long. 1m unless said."`
	RollbackCalls  int           `name:"rollback-calls" placeholder:"N" group:"Canary:" help:"Give no verdict on fewer calls. 100 unless said."`
	Shadow         string        `name:"shadow" placeholder:"SHARE" group:"Canary:" help:"Run it on copies of this share of the exchanges, as in 10%, after they have been served; what comes of it is compared, and never served. \"wedge function show\" tells."`
	Wait           time.Duration `name:"wait" placeholder:"DURATION" group:"Canary:" help:"Wait until the canary has held its budget for a window, or is rolled back, which is a failure; at most so long, then it is one as well."`
}

func (f trialFlags) trial() client.Trial {
	return client.Trial{Share: f.Canary, Header: f.CanaryHeader, Cookie: f.CanaryCookie, RollbackOn: strings.Join(f.RollbackOn, ", "), Window: f.RollbackWindow, Calls: f.RollbackCalls, Shadow: f.Shadow}
}

// check refuses what the node would not be asked for.
func (f trialFlags) check() error {
	q := f.trial()
	switch {
	case q == client.Trial{Shadow: q.Shadow}, q.Share != "", q.Header != "":
	default:
		return hint(usage(fmt.Errorf("a budget or a cookie is given, and no canary")), "--canary 5%% or --canary-header 'X-Canary: 1' says who gets the version")
	}
	if f.Wait != 0 && q.RollbackOn == "" {
		return hint(usage(fmt.Errorf("--wait has no budget to wait for")), "--rollback-on 'errors 1%%' says one")
	}
	if f.Wait < 0 || f.RollbackWindow < 0 || f.RollbackCalls < 0 {
		return hint(usage(fmt.Errorf("--wait, --rollback-window or --rollback-calls is below 0")), "say a positive one, or none")
	}
	return nil
}

// await waits until the canary's budget has held, or is spent.
func (f trialFlags) await(c *command, node *client.Client, owner, name, version string) error {
	if f.Wait == 0 {
		return nil
	}
	end := time.NewTimer(f.Wait)
	defer end.Stop()
	for {
		a, err := node.Function(c.context, owner, name)
		if err != nil {
			return err
		}
		now, last := a.V.Canary, a.V.LastCanary
		switch {
		case now != nil && now.Version == version && now.Held:
			c.note("the canary has held its budget: %s; \"wedge function promote %s\" runs it for everybody", budgetText(now.Budget), name)
			return nil
		case now == nil || now.Version != version:
			if a.V.Active == version {
				return nil // somebody could not wait
			}
			if last == nil || last.Version != version {
				return hint(fmt.Errorf("the canary %s of %s has ended", short(version), name), `"wedge function show %s" tells what runs`, name)
			}
			return hint(fmt.Errorf("the canary %s of %s is %s: %s", short(version), name, last.How, orDash(last.Why)), `"wedge function show %s" tells the ways in which it failed, "wedge function logs %s" what it said`, name, name)
		}
		select {
		case <-time.After(c.pause):
		case <-end.C:
			return hint(fmt.Errorf("after %s there is no verdict on the canary %s of %s: %s", f.Wait, short(version), name, budgetText(now.Budget)), "it goes on; wait longer, or ask for fewer calls with --rollback-calls")
		case <-c.context.Done():
			return c.context.Err()
		}
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// budgetText tells how the rules of a budget stand.
func budgetText(rules []admin.CanaryRule) string {
	var texts []string
	for _, r := range rules {
		texts = append(texts, fmt.Sprintf("%s: %d of %s", r.Rule, r.Bad, counted(int(r.Calls), "call")))
	}
	return strings.Join(texts, ", ")
}

// canaryWho tells who gets a canary.
func canaryWho(c admin.Canary) string {
	who := ""
	if c.Share != "" {
		who = c.Share + " of the clients"
		if c.Cookie != "" {
			who += ", by the cookie " + c.Cookie
		}
	}
	if c.Header != "" {
		if who != "" {
			who += " and "
		}
		who += "requests with " + c.Header
	}
	return who
}

// printCanary writes what is tried out, and how the last trial ended.
func printCanary(t table, f admin.Function) {
	if c := f.Canary; c != nil {
		t.row("canary", short(c.Version)+" for "+canaryWho(*c)+", since "+timeText(c.Began))
		t.row("its calls", strconv.FormatInt(c.Calls, 10)+", "+strconv.FormatInt(c.Failed, 10)+" failed")
		switch {
		case c.RollbackOn == "":
			t.row("its budget", "none")
		case c.Broken != "":
			t.row("its budget", "spent: "+c.Broken)
		default:
			state := "no verdict yet"
			if c.Held {
				state = "holds"
			}
			t.row("its budget", state+"; "+budgetText(c.Budget))
		}
	}
	if s := f.Shadow; s != nil {
		t.row("shadow", short(s.Version)+" on copies of "+s.Share+" of the exchanges, since "+timeText(s.Began))
		text := fmt.Sprintf("%d of %s came out otherwise, %d failed", s.Different, counted(int(s.Exchanges), "exchange"), s.Failed)
		if s.Exchanges > 0 {
			text += fmt.Sprintf("; fuel %d, served %d", s.Fuel, s.FuelServed)
		}
		t.row("its outcome", text)
		if n := s.Unread + s.Asked + s.Skipped; n > 0 {
			t.row("not compared", fmt.Sprintf("%d would have sent requests, %d had no time, %d bodies", s.Asked, s.Skipped, s.Unread))
		}
		for i, d := range s.Differences[:min(len(s.Differences), 5)] {
			name := "and"
			if i == 0 {
				name = "differences"
			}
			t.row(name, strconv.FormatInt(d.Count, 10)+"× "+d.What)
		}
	}
	if e := f.LastCanary; e != nil {
		text := short(e.Version) + " " + string(e.How) + ", " + timeText(e.Ended)
		if e.Why != "" {
			text += ": " + e.Why
		}
		t.row("last canary", text)
	}
}

type functionPromote struct {
	Name string `arg:"" complete:"function" help:"Name of the function."`
	functionFlags
}

func (f functionPromote) Run(c *command) error {
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Promote(c.context, f.Owner, f.Name)
	if err != nil {
		return err
	}
	return c.answer(f.jsonFlag, a.Raw, deployedText(a.V))
}
