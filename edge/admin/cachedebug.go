package admin

import (
	"fmt"
	"time"
)

// A DebugRequest asks for a token.
type DebugRequest struct {
	For Duration `json:"for,omitempty" doc:"How long it holds, as in 10m, which it is if this is absent; at most 24h."`
}

// Debug is a header field for requests.
type Debug struct {
	Owner   string    `json:"owner" doc:"On whose sites it has an effect."`
	Name    string    `json:"name"`
	Value   string    `json:"value" doc:"Whoever has it sees cache keys, so it is for nobody else."`
	Expires time.Time `json:"expires"`
}

// HeaderDebug is the request field that carries a token of Debug.
const HeaderDebug = "Wedge-Debug"

const (
	debugPreset = 10 * time.Minute
	debugMost   = 24 * time.Hour
)

func (c *call) cacheDebug() (any, error) {
	q, err := decode[DebugRequest](c)
	if err != nil {
		return nil, err
	}
	d := time.Duration(q.For)
	if d == 0 {
		d = debugPreset
	}
	if d < 0 || d > debugMost {
		return nil, &Error{Code: Invalid, Field: "for", Message: fmt.Sprintf("%v will not do", d), Hint: "give a time of at most 24h"}
	}
	end := c.s.opt.Now().Add(d).UTC().Truncate(time.Second)
	token, err := c.s.opt.Cache.Debug(c.owner, end)
	return Debug{c.owner, HeaderDebug, token, end}, err
}
