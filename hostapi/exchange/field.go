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
	WWWAuthenticate
	XForwardedFor
	XForwardedHost
	XForwardedProto
	XHTTPMethodOverride
	XOriginalURL
	XRequestID
	XRewriteURL
	numKnown
)

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
	Upgrade: "Upgrade", UserAgent: "User-Agent", Vary: "Vary", Via: "Via", WWWAuthenticate: "WWW-Authenticate",
	XForwardedFor: "X-Forwarded-For", XForwardedHost: "X-Forwarded-Host", XForwardedProto: "X-Forwarded-Proto",
	XHTTPMethodOverride: "X-HTTP-Method-Override", XOriginalURL: "X-Original-URL", XRequestID: "X-Request-Id", XRewriteURL: "X-Rewrite-URL",
}

// String is the field's usual spelling; "" for Other.
func (k Known) String() string { return knownNames[k] }

// byLength holds the known fields of each length of name: a name is compared
// only with the few of its own length.
var byLength = func() (t [32][]Known) {
	for k := Other + 1; k < numKnown; k++ {
		n := len(knownNames[k])
		t[n] = append(t[n], k)
	}
	return t
}()

// Lookup finds the known field of that name, in any case; Other if it has no slot.
func Lookup(name string) Known {
	if len(name) >= len(byLength) || len(name) == 0 {
		return Other
	}
	// Fast path: the spelling is usually the one of the table, so most
	// candidates fall at their first byte.
	c := name[0] | 0x20
	for _, k := range byLength[len(name)] {
		s := knownNames[k]
		if s[0]|0x20 == c && (s == name || strings.EqualFold(s, name)) {
			return k
		}
	}
	return Other
}
