// Command kv sets X-Link to what the store has under the key in X-Key, on each response.
package main

import wedge "github.com/wedgecdn/wedge/sdk/go"

//go:wasmexport on_response
func onResponse() int32 {
	return wedge.OnResponse(func(h *wedge.ResponseHook) error {
		link, err := wedge.KV("links").Value(h.Request.Header.Value("X-Key"))
		if err != nil {
			return err
		}
		return h.Response.Header.Set("X-Link", link)
	})
}

func main() {} // never runs
