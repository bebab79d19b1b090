package node

import (
	"net/url"
	"strconv"
	"time"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// guestOrigins tells functions of the origins in the configuration.
type guestOrigins struct{ n *Node }

func (g guestOrigins) Origin(owner services.Owner, name string) (services.Origin, bool) {
	g.n.mu.Lock()
	c := g.n.config
	g.n.mu.Unlock()
	if c == nil {
		return services.Origin{}, false
	}
	o := c.Origin(config.Name(owner), config.Name(name))
	if o == nil || len(o.Servers) == 0 {
		return services.Origin{}, false
	}
	u, err := url.Parse(string(o.Servers[0].URL))
	if err != nil {
		return services.Origin{}, false
	}
	out := services.Origin{Scheme: u.Scheme, Host: u.Hostname(), Port: 80,
		ConnectTimeout: time.Duration(o.ConnectTimeout), FirstByteTimeout: time.Duration(o.FirstByteTimeout), IdleTimeout: time.Duration(o.IdleTimeout)}
	if u.Scheme == "https" {
		out.Port = 443
	}
	if p, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		out.Port = uint16(p)
	}
	if o.Host != config.KeepHost {
		out.HostField = string(o.Host)
	}
	return out, true
}
