package main

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/edge/admin"
)

func TestPrintFailures(t *testing.T) {
	t.Setenv("TZ", "UTC")
	at := fakeTime
	list := []admin.FunctionFailure{
		{Count: 3, First: at, Last: at, Request: "00112233445566778899aabbccddeeff", Version: "0123456789abcdef", During: "on_request", Kind: "unreachable",
			Message: "unreachable", LastHostCall: "wedge.kv_get",
			Budgets: []admin.BudgetSpent{{Text: "fuel 1200"}, {Text: "cpu 1.2ms of 50ms"}},
			Stack: []admin.GuestFrame{{Function: "parse", File: "src/parse.c", Line: 12, Column: 3}, {Function: "on_request", File: "src/main.c", Line: 40},
				{Function: "evil\x1b[2J", Offset: 0x1234}, {Function: "$7"}, {Function: "_ZN3app4main17h0123456789abcdefE"}},
			Log: []string{"panic: no such key\x07"}},
		{Count: 1, Last: at, Version: "0123456789abcdef", During: "initialise", Message: "fuel budget spent: limit 10, used 11"},
	}
	var b strings.Builder
	if err := printFailures(&b, list); err != nil {
		t.Fatal(err)
	}
	when := timeText(at)
	want := `
failed 3 times, last ` + when + `, during on_request: unreachable
  version 0123456789ab, request 00112233445566778899aabbccddeeff
    parse       src/parse.c:12:3
    on_request  src/main.c:40
    evil\x1b[2J  offset 0x1234
    $7
    app::main
  last host call: wedge.kv_get
  spent: fuel 1200, cpu 1.2ms of 50ms
  log: panic: no such key\a

failed ` + when + `, during initialise: fuel budget spent: limit 10, used 11
  version 0123456789ab
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
