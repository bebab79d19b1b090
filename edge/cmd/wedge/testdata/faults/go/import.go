package main

import wedge "github.com/wedgecdn/wedge/sdk/go"

//go:wasmimport elsewhere f
func f() int32

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(func(*wedge.RequestHook) error { f(); return nil }) }

func main() {}
