package config

import (
	"slices"
	"strings"
)

// Isolation says what a function's instance may carry from one exchange to the next.
type Isolation string

// Values of Isolation.
const (
	IsolateAuto     Isolation = "auto"
	IsolateRequest  Isolation = "request"
	IsolateInstance Isolation = "instance"
)

// Values lists every Isolation.
func (Isolation) Values() []string { return []string{"auto", "request", "instance"} }

// UnmarshalText accepts one of Values.
func (i *Isolation) UnmarshalText(text []byte) error { return oneOf(i, text, i.Values()) }

// OnFailure says what a function's failure means for the exchange.
type OnFailure string

// Values of OnFailure.
const (
	FailClosed OnFailure = "closed"
	FailOpen   OnFailure = "open"
	FailStale  OnFailure = "stale"
)

// Values lists every OnFailure.
func (OnFailure) Values() []string { return []string{"closed", "open", "stale"} }

// UnmarshalText accepts one of Values.
func (o *OnFailure) UnmarshalText(text []byte) error { return oneOf(o, text, o.Values()) }

// Reads is a request field that names a person, and that a binding asks to see in on_fetch.
type Reads string

// Values of Reads.
const (
	ReadsCookie        Reads = "cookie"
	ReadsAuthorization Reads = "authorization"
)

// Values lists every Reads.
func (Reads) Values() []string { return []string{"cookie", "authorization"} }

// UnmarshalText accepts one of Values.
func (r *Reads) UnmarshalText(text []byte) error { return oneOf(r, text, r.Values()) }

// CacheMode says who decides whether a response is stored.
type CacheMode string

// Values of CacheMode.
const (
	CacheHonour CacheMode = "honour"
	CachePass   CacheMode = "pass"
	CacheForce  CacheMode = "force"
)

// Values lists every CacheMode.
func (CacheMode) Values() []string { return []string{"honour", "pass", "force"} }

// UnmarshalText accepts one of Values.
func (m *CacheMode) UnmarshalText(text []byte) error { return oneOf(m, text, m.Values()) }

// Ranges says what is fetched when a range is asked for.
type Ranges string

// Values of Ranges.
const (
	RangesWhole   Ranges = "whole"
	RangesForward Ranges = "forward"
)

// Values lists every Ranges.
func (Ranges) Values() []string { return []string{"whole", "forward"} }

// UnmarshalText reads one of the values.
func (r *Ranges) UnmarshalText(text []byte) error { return oneOf(r, text, r.Values()) }

// Coding is a content coding that clients may get.
type Coding string

// Values of Coding.
const (
	CodingBrotli Coding = "br"
	CodingZstd   Coding = "zstd"
	CodingGzip   Coding = "gzip"
)

// Values lists every Coding.
func (Coding) Values() []string { return []string{"br", "zstd", "gzip"} }

// UnmarshalText accepts one of Values.
func (c *Coding) UnmarshalText(text []byte) error { return oneOf(c, text, c.Values()) }

// EncodeLevel is how much time is spent on compressing.
type EncodeLevel string

// Values of EncodeLevel.
const (
	EncodeFast    EncodeLevel = "fast"
	EncodeDefault EncodeLevel = "default"
	EncodeBest    EncodeLevel = "best"
)

// Values lists every EncodeLevel.
func (EncodeLevel) Values() []string { return []string{"fast", "default", "best"} }

// UnmarshalText accepts one of Values.
func (l *EncodeLevel) UnmarshalText(text []byte) error { return oneOf(l, text, l.Values()) }

// Cookies says whether an origin sees the cookies of a client.
type Cookies string

// Values of Cookies.
const (
	CookiesKeep   Cookies = "keep"
	CookiesIgnore Cookies = "ignore"
)

// Values lists every Cookies.
func (Cookies) Values() []string { return []string{"keep", "ignore"} }

// UnmarshalText accepts one of Values.
func (c *Cookies) UnmarshalText(text []byte) error { return oneOf(c, text, c.Values()) }

// Scope is a part of the operators' API that a token opens.
type Scope string

// Values of Scope.
const (
	ScopeDeploy Scope = "deploy"
	ScopePurge  Scope = "purge"
	ScopeRead   Scope = "read"
)

// Values lists every Scope.
func (Scope) Values() []string { return []string{"deploy", "purge", "read"} }

// UnmarshalText accepts one of Values.
func (s *Scope) UnmarshalText(text []byte) error { return oneOf(s, text, s.Values()) }

func oneOf[T ~string](to *T, text []byte, values []string) error {
	if !slices.Contains(values, string(text)) {
		hint := "write one of: " + strings.Join(values, ", ")
		if near := nearest(string(text), values); near != "" {
			hint = "did you mean " + quote(near) + "? it can be: " + strings.Join(values, ", ")
		}
		return complain(hint, "%s is not a value of this field", quote(string(text)))
	}
	*to = T(text)
	return nil
}
