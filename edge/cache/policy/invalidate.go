package policy

// Invalidates tells whether a response with that status to a request with that
// method means that what is stored for its target is out of date.
//
// "Because unsafe request methods (Section 9.2.1 of [HTTP]) such as PUT, POST, or
// DELETE have the potential for changing state on the origin server,
// intervening caches are required to invalidate stored responses to keep their
// contents up to date. A cache MUST invalidate the target URI... when it receives
// a non-error status code in response to an unsafe request method (including
// methods whose safety is unknown)... A "non-error response" is one with a 2xx
// (Successful) or 3xx (Redirection) status code."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.4
func Invalidates(method string, status int) bool {
	return status >= 200 && status < 400 && !safe(method)
}

// safe tells the methods that are "considered safe": "Of the request methods
// defined by this specification, the GET, HEAD, OPTIONS, and TRACE methods are
// defined to be safe." https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1
func safe(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}
