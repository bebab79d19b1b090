package main

import wedge "github.com/wedgecdn/wedge/sdk/go"

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(greet) }

func main() {}

func greet(h *wedge.RequestHook) error {
	return h.NothingOfThatName()
}
