package exchange

// Outcome says where a response came from. It stands in the access log, in
// metrics and, in RFC 9211's words, in Cache-Status.
type Outcome uint8

// The outcomes.
const (
	// OutcomeNone is the outcome before there is one.
	OutcomeNone Outcome = iota
	// Hit is a stored response, fresh.
	Hit
	// Revalidated is a stored response that the origin confirmed (304) for this request.
	Revalidated
	// Stale is a stored response served although it was no longer fresh.
	Stale
	// Miss is a response fetched because nothing suitable was stored.
	Miss
	// Pass is a response fetched without asking the cache.
	Pass
	// Answered is a response that a function made.
	Answered
	// Failed is a response of the node's own because something broke.
	Failed
	// Refused is a response of the node's own to a request that it does not serve.
	Refused
	numOutcomes
)

var outcomeNames = [numOutcomes]string{"none", "hit", "revalidated", "stale", "miss", "pass", "answered", "failed", "refused"}

// String is the outcome's word in logs and metrics.
func (o Outcome) String() string { return outcomeNames[o] }

// Outcomes is how many there are; observers size tables by it.
const Outcomes = int(numOutcomes)

// A Tier is the part of the cache that a stored response came from, for metrics.
type Tier uint8

// The tiers.
const (
	// TierNone: the response is not a stored one.
	TierNone Tier = iota
	// TierMemory: its body stood in memory.
	TierMemory
	// TierDisk: its body was read from disk for this request.
	TierDisk
	// TierSegments: it is made of segments, each of which stands, or is fetched, by
	// itself.
	TierSegments
	numTiers
)

// String is the tier's word in metrics; "" for TierNone.
func (t Tier) String() string { return [numTiers]string{"", "memory", "disk", "segments"}[t] }

// Tiers is how many there are; observers size tables by it.
const Tiers = int(numTiers)

// Forward says why a request went to the origin, in the words of RFC 9211 §2.2
// (parameter fwd). ForwardNone means that it did not.
type Forward uint8

// The reasons to forward.
const (
	ForwardNone Forward = iota
	ForwardBypass
	ForwardMethod
	ForwardURIMiss
	ForwardVaryMiss
	ForwardMiss
	ForwardRequest
	ForwardStale
	ForwardPartial
	numForwards
)

// String is the token of RFC 9211 §2.2; "" for ForwardNone.
func (f Forward) String() string {
	return [numForwards]string{"", "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}[f]
}

// Reason says why an outcome came about, in the finest grain that the node
// knows. It stands in the access log, in metrics and as Cache-Status's detail.
type Reason uint8

// The reasons.
const (
	ReasonNone Reason = iota

	// Why a request was refused.
	ReasonBadRequest    // the message is malformed
	ReasonBadTarget     // the URL cannot be put into normal form
	ReasonMethodRefused // TRACE, CONNECT
	ReasonNoSite        // no site has this host
	ReasonLoop          // the request has been here (CDN-Loop)
	ReasonTooLarge      // a limit on the request's size
	ReasonDraining      // the node shuts down
	ReasonSlowClient    // the client took too long to send its request

	// Why a request did not use the cache.
	ReasonMode           // the route's configuration: pass
	ReasonMethodUncached // not GET or HEAD
	ReasonRequestBody    // GET with content
	ReasonUpgrade        // protocol upgrade
	ReasonAuthorization  // the request carries credentials
	ReasonBypassed       // a function asked for it
	ReasonRequestNoStore // the request says no-store
	ReasonReadsPrivate   // a binding reads Cookie or Authorization at on_fetch
	ReasonOnlyIfCached   // only-if-cached and nothing suitable stored
	ReasonHitForMiss     // the last response to this key could not be stored
	ReasonHeadMiss       // HEAD, and no GET is stored
	ReasonPrecondition   // If-Match or If-Unmodified-Since: they are for the origin to decide

	// Why a stored response could not be used as it was.
	ReasonAbsent
	ReasonExpired
	ReasonRequestDirective // the request's no-cache, max-age, min-fresh
	ReasonMustRevalidate   // the response's no-cache
	ReasonVaryMismatch
	ReasonPurged
	ReasonEvicted
	ReasonForcedRevalidation // a function asked for it

	// Why a response was not stored.
	ReasonResponseNoStore
	ReasonPrivate
	ReasonSetCookie
	ReasonVaryStar
	ReasonVaryOnFetch
	ReasonVaryTooMany
	ReasonStatus
	ReasonNoFreshness
	ReasonPartialContent
	ReasonObjectTooLarge
	ReasonFunctionNoStore
	ReasonFunctionFailedOpen // a function failed at on_fetched under policy open
	ReasonFillTooOld         // a purge came while it was fetched
	ReasonCut                // the body ended before its end

	// What broke.
	ReasonOriginUnknown // the route has none, or a function named one that is not there
	ReasonOriginConnect
	ReasonOriginTimeout
	ReasonOriginProtocol
	ReasonOriginCut
	ReasonOriginError // it answered 500, 502, 503 or 504, and what is stored is served instead
	ReasonFunctionTrap
	ReasonFunctionBudget
	ReasonFunctionBody // a body larger than max_body
	ReasonNoInstance
	ReasonFunctionUnavailable // switched off, not deployed, or cannot be instantiated
	ReasonWaitTimeout
	ReasonClientGone
	ReasonOverload
	ReasonBug // a panic was caught
	numReasons
)

var reasonNames = [numReasons]string{
	ReasonNone: "", ReasonBadRequest: "bad-request", ReasonBadTarget: "bad-target", ReasonMethodRefused: "method-refused",
	ReasonNoSite: "no-site", ReasonLoop: "loop", ReasonTooLarge: "too-large", ReasonDraining: "draining",
	ReasonSlowClient: "slow-client",
	ReasonMode:       "mode", ReasonMethodUncached: "method", ReasonRequestBody: "request-body", ReasonUpgrade: "upgrade",
	ReasonAuthorization: "authorization", ReasonBypassed: "bypassed", ReasonRequestNoStore: "request-no-store",
	ReasonReadsPrivate: "reads-private", ReasonOnlyIfCached: "only-if-cached", ReasonHitForMiss: "hit-for-miss", ReasonHeadMiss: "head-miss",
	ReasonPrecondition: "precondition",
	ReasonAbsent:       "absent", ReasonExpired: "expired", ReasonRequestDirective: "request-directive", ReasonMustRevalidate: "must-revalidate",
	ReasonVaryMismatch: "vary-mismatch", ReasonPurged: "purged", ReasonEvicted: "evicted", ReasonForcedRevalidation: "forced-revalidation",
	ReasonResponseNoStore: "response-no-store", ReasonPrivate: "private", ReasonSetCookie: "set-cookie", ReasonVaryStar: "vary-star",
	ReasonVaryOnFetch: "vary-on-fetch", ReasonVaryTooMany: "vary-too-many", ReasonStatus: "status", ReasonNoFreshness: "no-freshness",
	ReasonPartialContent: "partial-content", ReasonObjectTooLarge: "object-too-large", ReasonFunctionNoStore: "function-no-store",
	ReasonFunctionFailedOpen: "function-failed-open", ReasonFillTooOld: "fill-too-old", ReasonCut: "cut",
	ReasonOriginUnknown: "origin-unknown", ReasonOriginConnect: "origin-connect", ReasonOriginTimeout: "origin-timeout",
	ReasonOriginProtocol: "origin-protocol", ReasonOriginCut: "origin-cut", ReasonOriginError: "origin-error", ReasonFunctionTrap: "function-trap",
	ReasonFunctionBudget: "function-budget", ReasonFunctionBody: "function-body", ReasonNoInstance: "no-instance",
	ReasonFunctionUnavailable: "function-unavailable", ReasonWaitTimeout: "wait-timeout", ReasonClientGone: "client-gone", ReasonOverload: "overload", ReasonBug: "bug",
}

// String is the reason's word in logs, metrics and Cache-Status; "" for ReasonNone.
func (r Reason) String() string { return reasonNames[r] }

// Reasons is how many there are; observers size tables by it.
const Reasons = int(numReasons)
