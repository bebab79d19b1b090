package exchange

import "strings"

// A Field is one field line of a header or trailer section (RFC 9110 §5).
// Name keeps the spelling in which the field arrived or was set; comparisons
// ignore case.
type Field struct {
	Name, Value string
	known       Known
}

// Known tells which of the fields that the node itself uses this is, or Other.
func (f *Field) Known() Known { return f.known }

// Known names a field that has a slot in every [Header], so that the node
// finds it without searching.
type Known uint8

// The fields with slots. Other is every field without one.
const (
	Other Known = iota
	Accept
	AcceptEncoding
	AcceptLanguage
	AcceptRanges
	Age
	AltSvc
	Authorization
	CacheControl
	CacheStatus
	CDNCacheControl
	CDNLoop
	Connection
	ContentEncoding
	ContentLength
	ContentLocation
	ContentRange
	ContentType
	Cookie
	Date
	ETag
	Expect
	Expires
	Forwarded
	Host
	IfMatch
	IfModifiedSince
	IfNoneMatch
	IfRange
	IfUnmodifiedSince
	KeepAlive
	LastModified
	Link
	Location
	Origin
	Pragma
	ProxyAuthenticate
	ProxyAuthorization
	ProxyConnection
	Range
	Referer
	RetryAfter
	Server
	SetCookie
	SurrogateControl
	SurrogateKey
	CacheTag
	TE
	Trailer
	TransferEncoding
	Upgrade
	UserAgent
	Vary
	Via
	WedgeDebug
	WWWAuthenticate
	XForwardedFor
	XForwardedHost
	XForwardedPort
	XForwardedPrefix
	XForwardedProto
	XForwardedScheme
	XForwardedServer
	XHost
	XHTTPMethod
	XHTTPMethodOverride
	XMethodOverride
	XOriginalURL
	XRequestID
	XRewriteURL
	numKnown
)

// KnownCount is how many Knowns there are, Other among them.
const KnownCount = numKnown

var knownNames = [numKnown]string{
	Accept: "Accept", AcceptEncoding: "Accept-Encoding", AcceptLanguage: "Accept-Language", AcceptRanges: "Accept-Ranges",
	Age: "Age", AltSvc: "Alt-Svc", Authorization: "Authorization", CacheControl: "Cache-Control", CacheStatus: "Cache-Status",
	CDNCacheControl: "CDN-Cache-Control", CDNLoop: "CDN-Loop", Connection: "Connection", ContentEncoding: "Content-Encoding",
	ContentLength: "Content-Length", ContentLocation: "Content-Location", ContentRange: "Content-Range", ContentType: "Content-Type",
	Cookie: "Cookie", Date: "Date", ETag: "ETag", Expect: "Expect", Expires: "Expires", Forwarded: "Forwarded", Host: "Host",
	IfMatch: "If-Match", IfModifiedSince: "If-Modified-Since", IfNoneMatch: "If-None-Match", IfRange: "If-Range",
	IfUnmodifiedSince: "If-Unmodified-Since", KeepAlive: "Keep-Alive", LastModified: "Last-Modified", Link: "Link",
	Location: "Location", Origin: "Origin", Pragma: "Pragma", ProxyAuthenticate: "Proxy-Authenticate",
	ProxyAuthorization: "Proxy-Authorization", ProxyConnection: "Proxy-Connection", Range: "Range", Referer: "Referer",
	RetryAfter: "Retry-After", Server: "Server", SetCookie: "Set-Cookie", SurrogateControl: "Surrogate-Control",
	SurrogateKey: "Surrogate-Key", CacheTag: "Cache-Tag", TE: "TE", Trailer: "Trailer", TransferEncoding: "Transfer-Encoding",
	Upgrade: "Upgrade", UserAgent: "User-Agent", Vary: "Vary", Via: "Via", WedgeDebug: "Wedge-Debug", WWWAuthenticate: "WWW-Authenticate",
	XForwardedFor: "X-Forwarded-For", XForwardedPort: "X-Forwarded-Port", XForwardedPrefix: "X-Forwarded-Prefix",
	XForwardedScheme: "X-Forwarded-Scheme", XForwardedServer: "X-Forwarded-Server", XHost: "X-Host", XHTTPMethod: "X-HTTP-Method",
	XMethodOverride: "X-Method-Override", XForwardedHost: "X-Forwarded-Host", XForwardedProto: "X-Forwarded-Proto",
	XHTTPMethodOverride: "X-HTTP-Method-Override", XOriginalURL: "X-Original-URL", XRequestID: "X-Request-Id", XRewriteURL: "X-Rewrite-URL",
}

// String is the field's usual spelling; "" for Other.
func (k Known) String() string { return knownNames[k] }

// A fieldHash spreads the known names over a table, each into a cell of its
// own, by its length and four of its letters: a name is compared with one candidate
// at most, and most unknown names with none.
type fieldHash struct {
	mul  uint32
	cell [1024]Known
}

func (t *fieldHash) at(name string) uint32 {
	n := len(name)
	first, mid, late, last := uint32(name[0]|0x20), uint32(name[n/2]|0x20), uint32(name[max(0, n-2)]|0x20), uint32(name[n-1]|0x20)
	return (uint32(n)<<20 ^ first<<15 ^ mid<<10 ^ late<<5 ^ last) * t.mul >> 22
}

// known is made once, by trying multipliers until no two names meet.
var known = func() *fieldHash {
	for mul := uint32(2654435761); mul < 2654435761+1<<17; mul += 2 {
		t := &fieldHash{mul: mul}
		ok := true
		for k := Other + 1; k < numKnown && ok; k++ {
			cell := &t.cell[t.at(knownNames[k])]
			ok = *cell == Other
			*cell = k
		}
		if ok {
			return t
		}
	}
	panic("BUG: two known fields are alike in all that fieldHash looks at")
}()

// Lookup finds the known field of that name, in any case; Other if it has no slot.
func Lookup(name string) Known {
	if name == "" {
		return Other
	}
	k := known.cell[known.at(name)]
	if k == Other {
		return Other
	}
	// Fast path: the spelling is usually the one of the table.
	if s := knownNames[k]; s == name || len(s) == len(name) && strings.EqualFold(s, name) {
		return k
	}
	return Other
}
