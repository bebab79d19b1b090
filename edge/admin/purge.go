package admin

import "strings"

func (c *call) purge() (any, error) {
	p, err := decode[PurgeRequest](c)
	if err != nil {
		return nil, err
	}
	var what []string
	if p.URL != "" {
		what = append(what, "url "+withoutQuery(p.URL))
	}
	if p.Prefix != "" {
		what = append(what, "prefix "+withoutQuery(p.Prefix))
	}
	if p.Tag != "" {
		what = append(what, "tag "+p.Tag)
	}
	if p.All {
		what = append(what, "all")
	}
	c.object = strings.Join(what, ", ")
	if len(what) != 1 {
		return nil, &Error{Code: Invalid, Message: "a purge names one of url, prefix, tag and all", Hint: "give exactly one of them"}
	}
	if p.Soft {
		c.detail = "soft"
	}
	n, err := c.s.opt.Cache.Purge(c.r.Context(), c.owner, p)
	if err != nil {
		return nil, err
	}
	return Purged{c.owner, n, p.Soft}, nil
}

// withoutQuery keeps what a URL may carry to the right of its path, tokens for
// one, out of the audit log, and a name and password too.
func withoutQuery(u string) string {
	u, _, found := strings.Cut(u, "?")
	if found {
		u += "?…"
	}
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok {
		return u
	}
	host, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	return scheme + "://" + host + "/" + path
}
