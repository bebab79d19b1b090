package key

import (
	"encoding/binary"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A Part is one part of a key, as text for people: which kind it is, what it is
// called where there are several of the kind, and its value.
type Part struct{ Kind, Name, Value string }

// Parts are the parts that x's key is made of, in their order.
func Parts(x *exchange.Exchange, c *Config) []Part { return read(Append(nil, x, c)) }

// read takes apart what Append has put together.
func read(b []byte) (parts []Part) {
	for len(b) > 0 {
		k := kind(b[0])
		n, size := binary.Uvarint(b[1:])
		b = b[1+size:]
		v := string(b[:n])
		b = b[n:]
		switch k {
		case kindCookie, kindName: // the value follows in a part of its own
			parts = append(parts, Part{Kind: words[k], Name: v})
		case kindValue:
			parts[len(parts)-1].Value = v
		case kindNoCookie:
			parts = append(parts, Part{Kind: words[k], Name: v})
		default:
			parts = append(parts, Part{Kind: words[k], Value: v})
		}
	}
	return parts
}

// words are the kinds as people read them.
var words = [...]string{
	kindOwner: "owner", kindSite: "site", kindScheme: "scheme", kindHost: "host", kindPath: "path", kindQuery: "query",
	kindReplaced: "replaced", kindCookie: "cookie", kindNoCookie: "no cookie", kindVersion: "version", kindName: "function",
	kindOrigin: "origin", kindStored: "stored",
}
