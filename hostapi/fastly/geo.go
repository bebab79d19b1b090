package fastly

import (
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// geoLookup answers in JSON, as the SDKs read it. Where nothing is known it
// gives nothing.
func geoLookup(c *call) status {
	addr, valid := netip.AddrFromSlice(c.view(0))
	if !valid {
		return invalid
	}
	places := c.b.o.Services.Places
	if places == nil {
		c.put32(2, 0)
		return none
	}
	p, known := places.Place(addr)
	if !known {
		c.put32(2, 0)
		return none
	}
	return c.give(1, 2, place(&p))
}

func place(p *services.Place) string {
	if p.Detail != "" {
		return p.Detail
	}
	type geo struct {
		ASNumber uint32 `json:"as_number,omitempty"`
		City     string `json:"city,omitempty"`
		Country  string `json:"country_code,omitempty"`
		Region   string `json:"region,omitempty"`
	}
	b, err := json.Marshal(geo{p.ASN, p.City, p.Country, p.Region})
	if err != nil {
		return ""
	}
	return string(b)
}

// deviceLookup answers in JSON what class of device the User-Agent speaks of.
func deviceLookup(c *call) status {
	devices := c.b.o.Services.Devices
	if devices == nil {
		c.put32(2, 0)
		return none
	}
	if d, is := devices.(services.DeviceDetails); is {
		if text, known := d.DeviceDetail(strings.Clone(c.text(0))); known {
			return c.give(1, 2, text)
		}
	}
	class := devices.Device(strings.Clone(c.text(0)))
	if class == "" {
		c.put32(2, 0)
		return none
	}
	type flags struct {
		Name    string `json:"name"`
		Desktop bool   `json:"is_desktop"`
		Mobile  bool   `json:"is_mobile"`
		Tablet  bool   `json:"is_tablet"`
	}
	var answer struct {
		Device    flags `json:"device"`
		UserAgent struct {
			Bot bool `json:"is_bot"`
		} `json:"user_agent"`
	}
	answer.Device = flags{class, class == "desktop", class == "mobile", class == "tablet"}
	answer.UserAgent.Bot = class == "bot"
	b, err := json.Marshal(answer)
	if err != nil {
		return failed
	}
	return c.give(1, 2, string(b))
}
