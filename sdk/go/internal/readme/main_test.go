//go:build !wasip1

package main

import (
	"testing"

	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestLimit(t *testing.T) {
	node := wedgetest.New(t)
	for i := range 101 {
		x := node.Exchange("GET", "https://shop.example/")
		result := x.OnRequest(onRequest)
		if answered := result == wedgetest.Answered; answered != (i == 100) {
			t.Fatalf("request %d: %v\n%s", i+1, result, node.LogText())
		}
		if i == 100 && (x.Response.Status != 429 || x.Response.Header.Value("Retry-After") != "60") {
			t.Errorf("%+v", x.Response)
		}
	}
}

func TestTell(t *testing.T) {
	x := wedgetest.New(t).Exchange("GET", "https://shop.example/")
	x.Respond(200, "hello")
	x.Outcome = "hit"
	if x.OnResponse(onResponse); x.Response.Header.Value("X-Served-From") != "hit" {
		t.Errorf("%+v", x.Response.Header)
	}
}
