// Command ab sets X-Cohort to the one that the cookie names, on each response.
package main

import wedge "github.com/wedgecdn/wedge/sdk/go"

//go:wasmexport on_response
func onResponse() int32 {
	return wedge.OnResponse(func(h *wedge.ResponseHook) error {
		cohort := "a"
		if v, _ := h.Request.Cookie("cohort"); v == "b" {
			cohort = "b"
		}
		return h.Response.Header.Set("X-Cohort", cohort)
	})
}

func main() {} // never runs
