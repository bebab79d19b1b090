// Command rewrite writes 4 for each a in the body, on each response.
package main

import wedge "github.com/wedgecdn/wedge/sdk/go"

//go:wasmexport on_response
func onResponse() int32 {
	return wedge.OnResponse(func(h *wedge.ResponseHook) error {
		b, err := h.Response.Body.Bytes()
		if err != nil {
			return err
		}
		for i, c := range b {
			if c == 'a' {
				b[i] = '4'
			}
		}
		return h.Response.Body.Set(b)
	})
}

func main() {} // never runs
