// Command json reads the body, {"id":…,"items":[{"price":…,"stock":…},…]}, and puts {"id":…,"total":…} in its place, on
// each response.
package main

import (
	"encoding/json"

	wedge "github.com/wedgecdn/wedge/sdk/go"
)

type document struct {
	ID    int `json:"id"`
	Items []struct {
		Price int `json:"price"`
		Stock int `json:"stock"`
	} `json:"items"`
}

type sum struct {
	ID    int `json:"id"`
	Total int `json:"total"`
}

//go:wasmexport on_response
func onResponse() int32 {
	return wedge.OnResponse(func(h *wedge.ResponseHook) error {
		b, err := h.Response.Body.Bytes()
		if err != nil {
			return err
		}
		var d document
		if err := json.Unmarshal(b, &d); err != nil {
			return err
		}
		s := sum{ID: d.ID}
		for _, i := range d.Items {
			s.Total += i.Price * i.Stock
		}
		if b, err = json.Marshal(s); err != nil {
			return err
		}
		return h.Response.Body.Set(b)
	})
}

func main() {} // never runs
