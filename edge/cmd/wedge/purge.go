package main

import (
	"fmt"
	"strings"

	"github.com/wedgecdn/wedge/edge/admin"
)

// cacheCommands are about stored responses.
type cacheCommands struct {
	Purge cachePurge `cmd:"" help:"Forget stored responses: of a URL, a prefix, a tag, or all."`
	Warm  cacheWarm  `cmd:"" help:"Ask for URLs as a client would, so that they are stored."`
	Push  cachePush  `cmd:"" help:"Store a response as if the origin had given it."`
	Show  cacheShow  `cmd:"" help:"Show what would become of a request, and why: its key, its variant, what is stored and how fresh it is."`
	Debug cacheDebug `cmd:"" help:"Make a header field with which a client sees the cache key in Cache-Status."`
	Diff  cacheDiff  `cmd:"" help:"Show by which part of the key, or which Vary field, two requests get different responses."`
}

type cachePurge struct {
	URL    string `name:"url" placeholder:"URL" complete:"url" help:"A URL; everything that was made from it goes."`
	Prefix string `name:"prefix" placeholder:"URL" complete:"url" help:"The beginning of URLs: scheme, host and the beginning of a path."`
	Tag    string `name:"tag" placeholder:"TAG" help:"A tag that responses were stored under."`
	All    bool   `name:"all" help:"Everything of the owner."`
	Soft   bool   `name:"soft" help:"Make it stale only: the origin confirms it or replaces it."`
	yesFlag
	jsonFlag
	ownerFlag
	nodeFlags
}

func (p cachePurge) Run(c *command) error {
	var named []string
	for flag, given := range map[string]bool{"--url": p.URL != "", "--prefix": p.Prefix != "", "--tag": p.Tag != "", "--all": p.All} {
		if given {
			named = append(named, flag)
		}
	}
	if len(named) != 1 {
		return hint(usage(fmt.Errorf("what to purge is not clear: %s given", counted(len(named), "choice"))), "give exactly one of --url, --prefix, --tag and --all")
	}
	node, err := c.node(p.nodeFlags)
	if err != nil {
		return err
	}
	what := strings.TrimPrefix(named[0], "--") + " " + p.URL + p.Prefix + p.Tag // one of them is not empty
	if p.All {
		what = "everything"
		if p.Owner != "" {
			what += " of " + p.Owner
		}
		if err := c.confirm(p.yesFlag, "purge %s", what); err != nil {
			return err
		}
	}
	a, err := node.Purge(c.context, p.Owner, admin.PurgeRequest{URL: p.URL, Prefix: p.Prefix, Tag: p.Tag, All: p.All, Soft: p.Soft})
	if err != nil {
		return err
	}
	how := "purged"
	if a.V.Soft {
		how = "made stale"
	}
	return c.answer(p.jsonFlag, a.Raw, line("%s %s (purge %s)", how, what, purgeNumber(a.V.Sequence)))
}

// purgeNumber is the number of a purge for people: how often the node has started
// with a cache on disk, and the number since then. Without a disk it is only that.
func purgeNumber(n uint64) string {
	const epochBits = 40
	if n>>epochBits == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d.%d", n>>epochBits, n&(1<<epochBits-1))
}
