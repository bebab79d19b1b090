package admin

import "strings"

// A Scope is a part of the API that a token opens.
type Scope string

// Scopes. The configuration gives out deploy, purge and read, for one owner;
// admin is the operator's, and includes them all.
const (
	ScopeAdmin  Scope = "admin"
	ScopeDeploy Scope = "deploy"
	ScopePurge  Scope = "purge"
	ScopeRead   Scope = "read"

	// scopeOpen marks what needs no token.
	scopeOpen Scope = ""
)

// An operation is a line of the table: a method on a path, what it takes and
// answers, who may use it. Handlers, scopes and the OpenAPI page are made from it.
type operation struct {
	// id is the operation's name in the OpenAPI page and the action in the audit log.
	id     string
	method string
	// path has parameters as whole segments, as in /v1/functions/{name}.
	path    string
	scope   Scope
	write   bool // it changes something: audited
	summary string
	// owned operations take the parameter owner.
	owned   bool
	query   []parameter
	header  []parameter
	in      content // what the body is; the zero value is no body
	out     content // what a 2xx answer is
	headers []parameter
	fails   []Code // failures of its own, beside those that every operation has
	busy    any    // what 503 answers, if it is not a Failure
	handle  func(*call) (any, error)
}

// A parameter is one of a path, a query or a header.
type parameter struct {
	name     string
	kind     kind
	doc      string
	required bool
	preset   string // what holds when it is absent
}

// A kind is the form of a parameter's value.
type kind string

const (
	kindText     kind = ""
	kindName     kind = "name"
	kindCount    kind = "count" // 0 or more
	kindLimit    kind = "limit" // 1 or more
	kindBool     kind = "bool"
	kindDuration kind = "duration"
)

// content is what a body is: the JSON of a type, or bytes of a media type.
type content struct {
	of    any // a value of the type; nil for bytes
	media string
	doc   string
	// max is the largest body that is read, in bytes.
	max func(*Options) int64
}

func (c content) none() bool { return c.of == nil && c.media == "" }

// ownerParameter says for whom. A token of one owner can name no other.
var ownerParameter = parameter{name: "owner", kind: kindName, doc: "The tenant; absent: the token's own, or default for the operator."}

// pathParameters are the names in braces of an operation's path.
func (o *operation) pathParameters() (names []string) {
	for s := range strings.SplitSeq(o.path, "/") {
		if strings.HasPrefix(s, "{") {
			names = append(names, s[1:len(s)-1])
		}
	}
	return names
}
