// Command ua sets X-Device by User-Agent on each response.
package main

import (
	"strings"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_response
func onResponse() int32 {
	return wedge.OnResponse(func(h *wedge.ResponseHook) error {
		device := "desktop"
		if strings.Contains(h.Request.Header.Value("User-Agent"), "Mobile") {
			device = "mobile"
		}
		return h.Response.Header.Set("X-Device", device)
	})
}

func main() {} // never runs
