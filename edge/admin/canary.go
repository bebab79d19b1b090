package admin

import "time"

// A Canary is a version that runs for some of the exchanges, in place of the
// active one.
type Canary struct {
	Version    string    `json:"version" doc:"SHA-256 of the version."`
	Share      string    `json:"share,omitempty" doc:"The part of the clients that gets it, as in 5%."`
	Header     string    `json:"header,omitempty" doc:"The field by which any request gets it, as in X-Canary: 1."`
	Cookie     string    `json:"cookie,omitempty" doc:"The cookie by which clients are told apart; absent: their address."`
	RollbackOn string    `json:"rollback_on,omitempty" doc:"The budget at whose end the node gives it up."`
	Began      time.Time `json:"began"`
	By         string    `json:"by,omitempty" doc:"The token that began it."`

	Calls  int64        `json:"calls" doc:"Calls of its hooks since it began, or since the node was started."`
	Failed int64        `json:"failed" doc:"Those of them that failed."`
	Budget []CanaryRule `json:"budget,omitempty" doc:"How each rule stands."`
	Held   bool         `json:"held" doc:"A whole window has passed with calls enough for a verdict, and the budget holds."`
	Broken string       `json:"broken,omitempty" doc:"By which figures the budget is spent."`
}

// A CanaryRule is how a rule of a budget stands in the window that ends now.
type CanaryRule struct {
	Rule  string `json:"rule"`
	Bad   int64  `json:"bad" doc:"Calls that it counts against the canary."`
	Calls int64  `json:"calls" doc:"Of so many."`
}

// A CanaryEnding is how a canary came to its end.
type CanaryEnding struct {
	Version string    `json:"version" doc:"SHA-256 of the version."`
	How     How       `json:"how" doc:"promoted: it runs for everybody; given up: somebody ended it; rolled back: the node did, as its budget said; replaced: another version took its place."`
	Why     string    `json:"why,omitempty" doc:"The figures by which its budget was spent."`
	Ended   time.Time `json:"ended"`
}

// How a canary ended.
type How string

// Values of How.
const (
	CanaryPromoted   How = "promoted"
	CanaryGivenUp    How = "given up"
	CanaryRolledBack How = "rolled back"
	CanaryReplaced   How = "replaced"
)

// Values lists every How.
func (How) Values() []string {
	return []string{string(CanaryPromoted), string(CanaryGivenUp), string(CanaryRolledBack), string(CanaryReplaced)}
}

// canaryParameters are those of an upload.
var canaryParameters = []parameter{
	{name: "canary", doc: "Run it for this share of the clients only, as in 5%."},
	{name: "canary_header", doc: "Run it for requests with this field, as in X-Canary: 1."},
	{name: "canary_cookie", doc: "The cookie by which clients are told apart; absent: their address."},
	{name: "rollback_on", doc: "The budget at whose end the node gives the canary up, as in: errors 1%, p99 5ms, p99 wall 20ms."},
	{name: "rollback_window", kind: kindDuration, doc: "Over how long calls are counted; absent: 1m."},
	{name: "rollback_calls", kind: kindLimit, doc: "How many calls a verdict takes; absent: 100."},
}

// canary checks that what is said of a canary goes together; nil if nothing is.
func canary(q CanaryRequest) (*CanaryRequest, error) {
	alone := func(field, needs string) error {
		return &Error{Code: BadRequest, Field: field, Message: "it says something of a canary, and there is none", Hint: "give " + needs + " as well"}
	}
	switch {
	case q == CanaryRequest{}:
		return nil, nil
	case q.Share == "" && q.Header == "":
		field := "rollback_on"
		if q.Cookie != "" {
			field = "canary_cookie"
		}
		return nil, alone(field, "canary or canary_header")
	case q.Cookie != "" && q.Share == "":
		return nil, alone("canary_cookie", "canary")
	case q.RollbackOn == "" && (q.Window != 0 || q.Calls != 0):
		return nil, alone("rollback_window", "rollback_on")
	case q.Window < 0 || q.Calls < 0:
		return nil, &Error{Code: BadRequest, Field: "rollback_window", Message: "the budget has a number below 0", Hint: "give positive ones"}
	}
	return &q, nil
}

// uploadCanary is what the query of an upload says.
func (c *call) uploadCanary() (*CanaryRequest, error) {
	return canary(CanaryRequest{Share: c.query["canary"], Header: c.query["canary_header"], Cookie: c.query["canary_cookie"],
		RollbackOn: c.query["rollback_on"], Window: c.duration("rollback_window"), Calls: int(min(c.count("rollback_calls"), 1<<31-1))})
}

func (c *call) functionPromote() (any, error) {
	f, err := c.namedUpload()
	if err != nil {
		return nil, err
	}
	done, err := c.s.opt.Functions.Promote(c.r.Context(), c.owner, f.Name)
	return c.ran(done, err)
}
