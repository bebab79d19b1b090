package config

// Origin is a named group of servers behind this node that all hold the same.
type Origin struct {
	// Name of the origin, unique under its owner.
	Name Name `yaml:"name" rule:"required"`
	// Tenant that the origin belongs to. Only sites and functions of the same owner can use it.
	Owner Name `yaml:"owner" default:"default"`
	// Servers that share the requests.
	Servers []Server `yaml:"servers" rule:"required"`
	// Host field that the servers see: `keep` sends the client's, a host name sends this one.
	Host OriginHost `yaml:"host" default:"keep"`
	// Time in which a connection must stand.
	ConnectTimeout Duration `yaml:"connect_timeout" default:"5s"`
	// Time in which a server must begin to answer.
	FirstByteTimeout Duration `yaml:"first_byte_timeout" default:"30s"`
	// Longest silence inside a response body.
	IdleTimeout Duration `yaml:"idle_timeout" default:"30s"`
	// How often a failed request is sent again where that is safe. With 0 never.
	Retries int `yaml:"retries" default:"1" rule:"zero max=10"`
	// Largest number of connections to each server.
	Connections int `yaml:"connections" default:"512" rule:"max=65536"`
}

// Server is one server of an origin.
type Server struct {
	// Where the server is: `http://host:port` or `https://host:port`, without a path.
	URL BaseURL `yaml:"url" rule:"required"`
	// Share of the requests, relative to the weights of the other servers.
	Weight int `yaml:"weight" default:"1" rule:"max=1000"`
}

// Site is what is served under some host names.
type Site struct {
	// Name of the site, unique under its owner. The default is its first host without a leading `*.`, or `default` for the host `*`.
	Name Name `yaml:"name"`
	// Hosts that are answered: a name, `*.` before a name for everything below it, or `*` for every host that no site names.
	Hosts []Host `yaml:"hosts" rule:"required"`
	// Tenant that the site belongs to. Its functions, stores, tags, counters and cache entries are kept apart from those of others.
	Owner Name `yaml:"owner" default:"default"`
	// Name of the origin, which must be of the same owner.
	Origin Name `yaml:"origin" rule:"required"`
	// Functions for every route of the site, in order: a name, or a map with a name and the settings that differ here.
	Functions []*Binding `yaml:"functions" rule:"later"`
	// Function that answers the requests of the site, behind its functions' on_request: a name, or a map with a name and the settings that differ here. It must be made as a handler, a program that runs once for each request. What it answers is neither looked up in the cache nor stored; its own requests go to origins, through the cache.
	Handler *Binding `yaml:"handler" rule:"later"`
	// How responses are stored.
	Cache CachePolicy `yaml:"cache"`
	// How responses are compressed.
	Encode Encode `yaml:"encode"`
	// Paths that are served in another way than the rest of the site.
	Routes []Route `yaml:"routes" rule:"later"`
}

// Route is a part of a site that is served in its own way. What it leaves out is as the site has it.
type Route struct {
	// A path, or the beginning of paths with `*` at its end.
	Path Path `yaml:"path" rule:"required"`
	// Name of the origin. The default is the site's.
	Origin Name `yaml:"origin"`
	// How responses are stored. A field that is left out is as the site has it.
	Cache CachePolicy `yaml:"cache"`
	// How responses are compressed. A field that is left out is as the site has it.
	Encode Encode `yaml:"encode"`
	// Functions that run after the site's. In memory the list is complete: the site's bindings stand first, followed by the route's own.
	Functions []*Binding `yaml:"functions" rule:"later"`
	// Function that answers the requests of the route. The default is the site's.
	Handler *Binding `yaml:"handler" rule:"later"`
}

// CachePolicy says how the responses of a site or a route are stored.
type CachePolicy struct {
	// `honour` does what the origin's fields say, `pass` stores nothing, `force` stores for `ttl` whatever the fields say.
	Mode CacheMode `yaml:"mode" default:"honour"`
	// How long a response is fresh under `mode: force`.
	TTL Duration `yaml:"ttl" default:"60s"`
	// Whether Set-Cookie is removed from a response so that it can be stored. Otherwise a response with Set-Cookie is not stored.
	StripSetCookie bool `yaml:"strip_set_cookie"`
	// Whether a response that says how long it is fresh is stored together with its Set-Cookie. Every client then gets the cookie that one was given: only for cookies that are the same for everybody.
	StoreSetCookie bool `yaml:"store_set_cookie"`
	// `keep` sends a client's cookies to the origin, `ignore` removes them.
	Cookies Cookies `yaml:"cookies" default:"keep"`
	// Names of cookies that are a part of the cache key.
	KeyCookies []CookieName `yaml:"key_cookies"`
	// Whether requests for the same thing wait for one fetch.
	Collapse bool `yaml:"collapse" default:"true"`
	// Longest time for which a response without freshness of its own is taken for fresh: a tenth of the time since its Last-Modified, up to this. With `0s` such a response is confirmed by the origin before each use.
	Heuristic Duration `yaml:"heuristic" default:"0s" rule:"zero"`
	// How long responses with these statuses are fresh that do not say so themselves. Responses with 400, 413, 414 and 431 are stored only if the status stands here.
	Statuses []StatusTTL `yaml:"statuses"`
	// How long a response may be used after its time while one fetch refreshes it, unless it says so itself (stale-while-revalidate).
	StaleWhileRevalidate Duration `yaml:"stale_while_revalidate" default:"0s" rule:"zero"`
	// How long a response may be used after its time when the origin fails, unless it says so itself (stale-if-error).
	StaleIfError Duration `yaml:"stale_if_error" default:"0s" rule:"zero"`
	// Name of a response field that is obeyed before CDN-Cache-Control, which is obeyed before Cache-Control (RFC 9213).
	TargetedField FieldName `yaml:"targeted_field"`
	// Whether clients get the fields that speak to this cache only: Surrogate-Key, Cache-Tag, Surrogate-Control and the `targeted_field`. Otherwise they are removed from responses. CDN-Cache-Control always stays: it speaks to every cache of this kind on the way.
	SendSurrogateFields bool `yaml:"send_surrogate_fields"`
	// What is fetched when one range is asked for of which nothing is stored: `whole` fetches everything and keeps it, `forward` asks the origin for the range and keeps that part.
	Ranges Ranges `yaml:"ranges" default:"whole"`
	// Size of the segments in which what is longer is fetched from the origin, stored and evicted: each by a request for a range, when a client comes to it, and one ahead. It needs an origin that gives ranges and a strong ETag; what it gives otherwise is fetched whole. 0 fetches everything whole. It takes the place of `ranges: forward`, and has no effect without `collapse`, and where functions see responses before they are stored (on_fetched).
	Segment Size `yaml:"segment" default:"0" rule:"zero max=1GiB"`
	// Whether a request that prefers one language to all others may get a stored response in that language (Content-Language), although it was made for another Accept-Language.
	MatchLanguage bool `yaml:"match_language"`
	// Whether Cache-Control and Pragma of requests have no effect.
	IgnoreClientDirectives bool `yaml:"ignore_client_directives"`
}

// MinSegment is the least size of a segment.
const MinSegment = Size(64 << 10)

// Encode says how the responses of a site or a route are compressed for clients. The origin is then asked for them as they are, and that is stored.
type Encode struct {
	// Codings that clients may get, the best first. Without any nothing is compressed.
	Codings []Coding `yaml:"codings"`
	// Media types that are compressed, such as `text/html`, `text/*` or `*+json`. The default is text, JSON, XML, JavaScript, WebAssembly and fonts that are not compressed.
	Types []string `yaml:"types"`
	// Shortest content that is compressed.
	Least Size `yaml:"least" default:"1KiB"`
	// How much time is spent on it.
	Level EncodeLevel `yaml:"level" default:"default"`
}

// StatusTTL is a time for responses of one status.
type StatusTTL struct {
	// Status of the response.
	Status int `yaml:"status" rule:"required max=599"`
	// How long it is fresh.
	TTL Duration `yaml:"ttl" rule:"required zero"`
}
