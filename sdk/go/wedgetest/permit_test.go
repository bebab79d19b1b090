//go:build !wasip1

package wedgetest

import (
	"os"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/sdk/go/internal/raw"
)

// TestPermits compares what each function needs with the contract, which is a text in the same repository.
func TestPermits(t *testing.T) {
	text, err := os.ReadFile("../../../hostapi/abi/abi.txt")
	if os.IsNotExist(err) {
		t.Skip("the contract is only in the repository, not in the module alone")
	}
	if err != nil {
		t.Fatal(err)
	}
	hooks := map[string]hookSet{"on_request": onRequest, "on_fetch": onFetch, "on_fetched": onFetched, "on_error": onError, "on_response": onResponse, "outside": outside}
	permits := map[string]permit{}
	function, n := "", 0
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || line[0] == ' ' {
			continue
		}
		switch words[0] {
		case "permit":
			var p permit
			for _, w := range words[2:] {
				if name, ok := strings.CutSuffix(w, "!"); ok {
					p.answered |= hooks[name]
				} else {
					p.hooks |= hooks[w]
				}
			}
			permits[words[1]] = p
		case "func":
			function, _, _ = strings.Cut(words[1], "(")
		case "needs":
			n++
			for m, name := range []string{words[1], words[len(words)-1]} {
				want, ok := permits[name]
				if got := needs(function, raw.Message(m)); got != want || !ok {
					t.Errorf("%s, message %d: the fake gives %+v, the contract %s %+v", function, m, got, name, want)
				}
			}
		}
	}
	if n < 70 {
		t.Errorf("found %d functions in the contract, want all of them", n)
	}
}
