package admin

import "time"

// A Shadow is a version that runs on copies of exchanges after they have been
// served. What comes of it is compared, and never served.
type Shadow struct {
	Version string    `json:"version" doc:"SHA-256 of the version."`
	Share   string    `json:"share" doc:"The part of the exchanges that is copied, as in 10%."`
	Began   time.Time `json:"began"`
	By      string    `json:"by,omitempty" doc:"The token that began it."`

	Exchanges   int64              `json:"exchanges" doc:"Exchanges that were compared, since it began or since the node was started. A fetch is one of its own."`
	Different   int64              `json:"different" doc:"Those of them that came out otherwise."`
	Failed      int64              `json:"failed" doc:"Those of them in which it failed."`
	Unread      int64              `json:"unread" doc:"Those of them of which not every body could be compared: it was too long, or not read to its end."`
	Asked       int64              `json:"asked" doc:"Exchanges that were not compared, since it would have sent requests of its own, which are refused."`
	Skipped     int64              `json:"skipped" doc:"Exchanges for which there was no time."`
	FuelServed  int64              `json:"fuel_served" doc:"What an exchange cost the served version, on average."`
	Fuel        int64              `json:"fuel" doc:"What it cost this one, on average."`
	Differences []ShadowDifference `json:"differences" doc:"What came out otherwise, the most frequent first. Values are not told: they may be secrets of the function."`
	Unnamed     int64              `json:"unnamed,omitempty" doc:"Differences of still other kinds."`
}

// A ShadowDifference is something that came out otherwise.
type ShadowDifference struct {
	What  string `json:"what" doc:"Hook and part of the exchange, as in: on_response: field x-a of the response."`
	Count int64  `json:"count"`
}

var shadowParameter = parameter{name: "shadow", doc: "Run it on copies of this share of the exchanges, as in 10%; what comes of it is compared, and never served."}

// alone refuses more than one way to try a version.
func alone(shadow string, q *CanaryRequest) error {
	if shadow != "" && q != nil {
		return &Error{Code: BadRequest, Field: "shadow", Message: "a version is a shadow or a canary", Hint: "try it as a shadow first"}
	}
	return nil
}
