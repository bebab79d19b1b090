// Package wedgetest is a node for unit tests: functions written with package wedge run natively against it, in "go test", without wasm.
//
//	func TestGreeting(t *testing.T) {
//		node := wedgetest.New(t)
//		x := node.Exchange("GET", "https://shop.example/hello")
//		if got := x.OnRequest(onRequest); got != wedgetest.Answered {
//			t.Fatalf("%v, want an answer\n%v", got, node.Logs)
//		}
//		if x.Response.Status != 200 { … }
//	}
//
// The hooks are called as the node calls them: the exported functions themselves, under the same permissions, with the same limits and the
// same answers, and what a failed hook changed is undone. What the node would refuse is refused here, and stands in Node.Denied.
//
// It is no cache and no proxy: it calls no hook by itself and makes no key. It does not meter, so a function that runs for ever runs for ever, and
// it decodes gzip and deflate, but not zstd. One node at a time: tests that use it must not be parallel.
package wedgetest
