package journal

import (
	"reflect"
	"time"
)

// An Exchange is the record of one exchange.
type Exchange struct {
	ID     string    `json:"id" journal:"own"`
	Time   time.Time `json:"time"`
	Owner  string    `json:"owner" journal:"own"`
	Site   string    `json:"site"`
	Route  string    `json:"route,omitempty"`
	Method Text      `json:"method"`
	URL    Text      `json:"url"` // that the client asked for
	Client Client    `json:"client"`

	Runs []*Run `json:"runs"`

	// What came of it.
	Outcome string  `json:"outcome,omitempty" journal:"own"`
	Reason  string  `json:"reason,omitempty" journal:"own"`
	Key     string  `json:"key,omitempty" journal:"own"` // hashed, in hexadecimal digits
	Status  int     `json:"status,omitempty"`
	Header  []Field `json:"header,omitempty"`
}

// Client is who asked.
type Client struct {
	Addr    string `json:"addr,omitempty"`
	Port    uint16 `json:"port,omitempty"`
	Peer    string `json:"peer,omitempty"`
	Trusted bool   `json:"trusted,omitempty"`
	TLS     *TLS   `json:"tls,omitempty"`
}

// TLS is what the handshake told.
type TLS struct {
	Version     uint16 `json:"version"`
	ServerName  Text   `json:"server_name,omitempty"`
	Certificate []byte `json:"certificate,omitempty"`
}

// A Field is a name with a value.
type Field struct {
	Name  Text `json:"n"`
	Value Text `json:"v"`
}

// A Run is one function on one side of an exchange.
type Run struct {
	Function string   `json:"function" journal:"own"`
	Version  string   `json:"version" journal:"own"`
	Settings Settings `json:"settings"`
	// Fetch tells that it was on the origin's side.
	Fetch bool `json:"fetch,omitempty"`
	// Seed is that of the random numbers that the function got.
	Seed []byte `json:"seed" journal:"own"`
	// Clock is what its clocks showed, look after look, in nanoseconds.
	Clock []int64 `json:"clock,omitempty"`
	// Begin is what it asked while it was initialised, Fetches are its own requests, in the order of their answers: those end
	// when they end, which may be behind the hook that began them.
	Begin   []Call  `json:"begin,omitempty"`
	Fetches []Call  `json:"fetches,omitempty"`
	Steps   []*Step `json:"steps"`
	// Cut says why the record is not whole; "" if it is.
	Cut string `json:"cut,omitempty"`
}

// Settings are what the operator gave the function.
type Settings struct {
	ABI       string          `json:"abi" journal:"own"`
	Isolation string          `json:"isolation,omitempty" journal:"own"`
	Config    map[string]Text `json:"config,omitempty"`
	Env       map[string]Text `json:"env,omitempty"`
	// Secrets has how long they are.
	Secrets   map[string]int `json:"secrets,omitempty"`
	Fetch     []string       `json:"fetch,omitempty" journal:"named"`
	KV        []string       `json:"kv,omitempty" journal:"named"`
	AllKV     bool           `json:"all_kv,omitempty"`
	MaxBody   int64          `json:"max_body,omitempty"`
	Reads     []string       `json:"reads,omitempty" journal:"own"`
	Fuel      int64          `json:"fuel,omitempty"`
	Memory    int64          `json:"memory,omitempty"`
	HostCalls int64          `json:"host_calls,omitempty"`
	// Offered are the services that the node had.
	Offered []string `json:"offered" journal:"own"`
}

// A Step is one hook of a run.
type Step struct {
	Hook     string `json:"hook" journal:"own"`
	Before   State  `json:"before"`
	After    State  `json:"after"`
	Answered bool   `json:"answered,omitempty"`
	// Failed is the reason's word if the hook did not return, Error what happened.
	Failed string `json:"failed,omitempty" journal:"own"`
	Error  Text   `json:"error,omitempty"`
	Fuel   int64  `json:"fuel"`
	Memory int64  `json:"memory,omitempty"`
	Calls  []Call `json:"calls,omitempty"`
}

// A Call is one call of a service: what was asked and what came back. Err is "" or a word, see errorOf. Number is that of a
// request of the function's own in the order in which it sent them, 0 if it is not known.
type Call struct {
	Name   string `json:"call" journal:"own"`
	Ask    []Text `json:"ask,omitempty"`
	Answer []Text `json:"answer,omitempty"`
	Err    string `json:"err,omitempty" journal:"own"`
	Number int    `json:"number,omitempty"`
}

// A State is what a hook finds in an exchange, or leaves there.
type State struct {
	Request  Message `json:"request"`
	Response Message `json:"response,omitzero"`
	Choices  Choices `json:"choices,omitzero"`
	Vars     []Field `json:"vars,omitempty"`
	Outcome  string  `json:"outcome,omitempty" journal:"own"`
	Reason   string  `json:"reason,omitempty" journal:"own"`
	// Failure is the reason's word of the exchange's error.
	Failure string `json:"failure,omitempty" journal:"own"`
}

// A Message is a request or a response.
type Message struct {
	Method   Text    `json:"method,omitempty"`
	Scheme   Text    `json:"scheme,omitempty"`
	Host     Text    `json:"host,omitempty"`
	Path     Text    `json:"path,omitempty"`
	Query    Text    `json:"query,omitempty"`
	HasQuery bool    `json:"has_query,omitempty"`
	Proto    string  `json:"proto,omitempty"`
	Status   int     `json:"status,omitempty"`
	Header   []Field `json:"header,omitempty"`
	Length   int64   `json:"length,omitempty"`
	// Body is nil if there is none, or, behind a hook, if it is the one that was there before.
	Body *Body `json:"body,omitempty"`
}

// A Body is what was read of a body, in the pieces in which it came.
type Body struct {
	Data   Text  `json:"data"`
	Pieces []int `json:"pieces,omitempty"`
	// Ended tells that its end was reached, Broken that reading it failed there.
	Ended bool `json:"ended,omitempty"`
	// With tells that the end was told with the last piece, not by a read of its own.
	With   bool `json:"with,omitempty"`
	Broken bool `json:"broken,omitempty"`
	// Cut tells that more was read than is kept.
	Cut bool `json:"cut,omitempty"`
}

// Choices are what functions decided.
type Choices struct {
	KeyParts       []Field `json:"key_parts,omitempty"`
	KeyReplace     *Text   `json:"key_replace,omitempty"`
	IgnoreQuery    []Text  `json:"ignore_query,omitempty"`
	IgnoreAllQuery bool    `json:"ignore_all_query,omitempty"`
	SortQuery      bool    `json:"sort_query,omitempty"`
	LowerCase      bool    `json:"lower_case,omitempty"`
	Bypass         bool    `json:"bypass,omitempty"`
	Revalidate     bool    `json:"revalidate,omitempty"`
	NoStore        bool    `json:"no_store,omitempty"`
	Origin         Text    `json:"origin,omitempty"`
	TTL            *int64  `json:"ttl,omitempty"` // nanoseconds
	Grace          *int64  `json:"grace,omitempty"`
	Tags           []Text  `json:"tags,omitempty"`
}

// Size is about how many bytes of memory the record takes.
func (x *Exchange) Size() int { return sizeOf(reflect.ValueOf(x)) }

// sizeOf is what v takes in itself and what it refers to.
func sizeOf(v reflect.Value) int {
	n := int(v.Type().Size())
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n += sizeOf(v.Elem())
		}
	case reflect.Struct:
		n = 0
		for i := range v.NumField() {
			n += sizeOf(v.Field(i))
		}
	case reflect.Slice:
		if e := v.Type().Elem(); e.Kind() <= reflect.Float64 {
			return n + v.Cap()*int(e.Size())
		}
		for i := range v.Len() {
			n += sizeOf(v.Index(i))
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			n += sizeOf(i.Key()) + sizeOf(i.Value())
		}
	case reflect.String:
		n += v.Len()
	}
	return n
}
