package admin

import "time"

// A ShowRequest is a request as a client might send it.
type ShowRequest struct {
	URL    string  `json:"url" doc:"The URL that a client would ask for."`
	Method string  `json:"method,omitempty" doc:"GET if it is absent."`
	Fields []Field `json:"fields,omitempty" doc:"The header fields of the request, at most 100."`
	Client string  `json:"client,omitempty" doc:"The client's IP address; 127.0.0.1 if it is absent."`
}

// A Field is a header field.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Shown answers what would become of a request.
type Shown struct {
	Owner     string     `json:"owner"`
	Site      string     `json:"site" doc:"The site that has the host; empty if the request is refused before."`
	Route     string     `json:"route" doc:"The route that has the path, empty for the site itself."`
	Method    string     `json:"method" doc:"As functions left it."`
	URL       string     `json:"url" doc:"In normal form, as functions left it."`
	Rules     []Field    `json:"rules" doc:"What the route's configuration says of caching, by the names of its fields: the mode, and what is not the default."`
	Functions []Decision `json:"functions" doc:"The functions that the request came to at on_request, in their order."`
	Outcome   string     `json:"outcome" doc:"hit, stale, miss or pass; or answered, failed or refused, where it does not come to the cache."`
	Reason    string     `json:"reason" doc:"Why it is no plain hit, empty if it is."`
	Status    int        `json:"status,omitempty" doc:"The status of an answer that does not come from cache or origin."`
	Forward   string     `json:"forward" doc:"The same as fwd of Cache-Status (RFC 9211); empty if no origin is asked."`
	Key       string     `json:"key" doc:"The hash by which a response is found, in hexadecimal; empty if the request passes."`
	Parts     []KeyPart  `json:"parts" doc:"What the key is made of, in its order."`
	Vary      []Varies   `json:"vary" doc:"The request fields that choose among the variants under the key."`
	Variants  int        `json:"variants" doc:"How many variants are stored under the key."`
	Stored    *Stored    `json:"stored,omitempty" doc:"The stored response that the request has chosen."`
}

// A Decision is what one function made of the request.
type Decision struct {
	Function string   `json:"function"`
	Answered bool     `json:"answered"`
	Failed   string   `json:"failed,omitempty" doc:"Why it failed."`
	Changed  []string `json:"changed" doc:"What of the request is another than before it; without values, which may be secret."`
}

// A KeyPart is a part of a cache key.
type KeyPart struct {
	Kind  string `json:"kind"`
	Name  string `json:"name,omitempty"`
	Value string `json:"value"`
}

// Varies is a request field that chooses among variants.
type Varies struct {
	Name    string `json:"name"`
	Value   string `json:"value" doc:"In the form in which it is compared."`
	Present bool   `json:"present" doc:"Whether the request has the field."`
}

// Stored is a stored response.
type Stored struct {
	Status   int       `json:"status"`
	Length   int64     `json:"length" doc:"Bytes of the body."`
	URL      string    `json:"url" doc:"What the client asked for whose request brought it."`
	Place    string    `json:"place" doc:"Where the body stands: memory, disk (only there), or segments."`
	Segments int64     `json:"segments,omitempty" doc:"In how many segments it stands."`
	Present  int64     `json:"segments_stored,omitempty" doc:"How many of them are stored."`
	Fields   []Field   `json:"fields"`
	Received time.Time `json:"received" doc:"When it came or was last confirmed."`
	// The sums of freshness, in seconds.
	Age             float64  `json:"age" doc:"Seconds since the origin made or confirmed it."`
	Lifetime        float64  `json:"lifetime" doc:"Seconds for which it is fresh, counted from age 0."`
	TTL             float64  `json:"ttl" doc:"lifetime less age: negative if it is stale."`
	WhileRevalidate float64  `json:"stale_while_revalidate" doc:"Seconds after its lifetime in which it may be served while it is refreshed."`
	IfError         float64  `json:"stale_if_error" doc:"Seconds after its lifetime in which it may be served if the origin fails."`
	Flags           []string `json:"flags" doc:"no-cache, must-revalidate, for-authorized: what its directives say of its use."`
	Purged          bool     `json:"purged" doc:"Purged softly: it has to be confirmed."`
}

// maxShowFields bounds the fields of a ShowRequest.
const maxShowFields = 100

func (c *call) cacheShow() (any, error) {
	q, err := decode[ShowRequest](c)
	if err != nil {
		return nil, err
	}
	c.object = "url " + withoutQuery(q.URL)
	if len(q.Fields) > maxShowFields {
		return nil, &Error{Code: Invalid, Field: "fields", Message: "the request has more than 100 fields", Hint: "leave out those that decide nothing"}
	}
	return c.s.opt.Cache.Show(c.r.Context(), c.owner, q)
}
