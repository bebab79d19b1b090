// Command readme lets each address make 100 requests a minute and answers more of them itself. It is the example of the SDK's README, in which it
// stands word for word.
package main

import wedge "github.com/wedgecdn/wedge/sdk/go"

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(limit) }

//go:wasmexport on_response
func onResponse() int32 { return wedge.OnResponse(tell) }

func main() {} // never runs

func limit(h *wedge.RequestHook) error {
	who, _ := wedge.Client(wedge.Network)
	n, err := wedge.Counter{Key: "requests of " + who, Window: wedge.Minute}.Add(1)
	if err != nil {
		return err // the hook fails, and the binding's on_failure says what then
	}
	if n <= 100 {
		return nil // go on
	}
	wedge.Log(wedge.LevelInfo, "too many requests", "client", who)
	resp, err := h.Respond(429, "too many requests, try again in a minute\n")
	if err != nil {
		return err
	}
	return resp.Header.Set("Retry-After", "60")
}

func tell(h *wedge.ResponseHook) error {
	return h.Response.Header.Set("X-Served-From", wedge.Outcome())
}
