package main

import (
	"encoding/json"
	"fmt"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

//go:wasmexport on_request
func onRequest() int32 { return wedge.OnRequest(fault) }

func main() {}

var spun int

func fault(h *wedge.RequestHook) error {
	switch h.Request.Path() {
	case "/trap":
		var empty []int
		spun = empty[len(h.Request.Path())]
	case "/loop":
		for {
			spun++
		}
	case "/json":
		return feature()
	}
	return nil
}

func feature() error {
	text, err := wedge.KV("settings").Value("feature")
	if err != nil {
		return err
	}
	var settings struct{ On bool }
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		return fmt.Errorf("settings/feature is no JSON: %w", err)
	}
	return nil
}
