package node

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/journal"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// recordAPI is recording as operators see it.
type recordAPI struct{ n *Node }

// signs is how often a recording in which nothing happens sends an empty line: so the node notices that nobody listens any more.
const signs = 5 * time.Second

// Record writes exchanges to w as they end, until there are enough of them or ctx is over.
func (a recordAPI) Record(ctx context.Context, owner string, q admin.RecordRequest, w io.Writer) (n int, err error) {
	a.n.mu.Lock()
	c := a.n.config
	a.n.mu.Unlock()
	if q.Site != "" && !hasSite(c, owner, q.Site) {
		return 0, &admin.Error{Code: admin.NotFound, Field: "site", Message: fmt.Sprintf("owner %s has no site %q", owner, q.Site), Hint: "the sites stand in the configuration; leave it out to record all of them"}
	}
	r := &recording{owner: owner, site: q.Site, match: q.Match, most: q.Count, services: a.n.live.host.Services(), secrets: secretsOf(c, owner),
		done: make(chan ready, mostReady), open: map[exchange.ID]*recorded{}}
	if ok, full := a.n.recorder.begin(r); full {
		return 0, &admin.Error{Code: admin.Unavailable, Message: fmt.Sprintf("%d owners record on this node already", mostRecordings), Hint: "try again when one of them has ended"}
	} else if !ok {
		return 0, &admin.Error{Code: admin.Conflict, Message: fmt.Sprintf("somebody records exchanges of owner %s already", owner), Hint: "wait until that has ended: of each owner one recording goes on at a time"}
	}
	defer a.n.recorder.end(owner)
	out, err := journal.NewWriter(w)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(q.For))
	defer cancel()
	sign := time.NewTicker(signs)
	defer sign.Stop()
	for n < q.Count {
		select {
		case <-ctx.Done():
			return n, nil
		case <-a.n.closed:
			for ; n < q.Count && len(r.done) > 0; n++ { // what ended before the node did
				if err := a.write(out, owner, (<-r.done).x); err != nil {
					return n, err
				}
			}
			return n, nil
		case <-sign.C:
			if _, err := io.WriteString(w, "\n"); err != nil {
				return n, nil // whoever recorded has gone
			}
		case d := <-r.done:
			err := a.write(out, owner, d.x)
			r.written(d)
			if err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// write writes an exchange, behind the code of its functions that the file does not have yet.
func (a recordAPI) write(out *journal.Writer, owner string, x *journal.Exchange) error {
	for _, run := range x.Runs {
		if !out.Needs(run.Version) {
			continue
		}
		module, err := a.n.original(services.Owner(owner), run.Function, run.Version)
		if err != nil || sumOf(module) != run.Version {
			module = nil // replaced meanwhile: whoever replays brings it along
		}
		if err := out.Code(run.Version, module); err != nil {
			return err
		}
	}
	return out.Exchange(x)
}

// secretsOf are the values of all secrets that functions of the owner have, by a name that tells them apart: one of them may
// stand in what another function sees.
func secretsOf(c *config.Config, owner string) map[string]string {
	all := map[string]string{}
	add := func(secrets map[string]config.Secret) {
		for name, s := range secrets {
			all[fmt.Sprintf("%s\x00%d", name, len(all))] = string(s.Value.Reveal())
		}
	}
	for i := range c.Functions {
		if f := &c.Functions[i]; string(f.Owner) == owner {
			add(f.Secrets)
		}
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		if string(s.Owner) != owner {
			continue
		}
		for k := range s.Functions {
			add(s.Functions[k].Secrets)
		}
		if s.Handler != nil {
			add(s.Handler.Secrets)
		}
		for k := range s.Routes {
			r := &s.Routes[k]
			for m := range r.Functions {
				add(r.Functions[m].Secrets)
			}
			if r.Handler != nil {
				add(r.Handler.Secrets)
			}
		}
	}
	return all
}
