package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

// testTime is how long the conversations of one version may take in all. On a busy machine most of it passes before the first: the engine of a script
// takes 20 s of processor time to compile, at the lowest priority.
const testTime = 4 * time.Minute

// A Tester holds a module against conversations, apart from this node: what it
// does must end when ctx does. An error that is an *admin.Error is told.
type Tester func(ctx context.Context, name string, module []byte, cases []admin.Case) ([]admin.CaseReport, error)

// testPlaces is how many versions may be tested at once, each of another owner.
const testPlaces = 2

// Test holds a kept version against conversations.
func (a functionsAPI) Test(ctx context.Context, owner, name string, q admin.TestRequest) (admin.TestReport, error) {
	n := a.n
	if n.o.Tester == nil {
		return admin.TestReport{}, &admin.Error{Code: admin.Conflict, Message: "this node runs no tests", Hint: "run them where the function was made, with wedge function test"}
	}
	v, err := n.functions.Find(owner, name, q.Version)
	if err != nil {
		return admin.TestReport{}, functionError(err)
	}
	module, err := n.functions.Code(owner, name, v.Hash)
	if err != nil {
		return admin.TestReport{}, functionError(err)
	}
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	leave, ok := n.testing.enter(ctx, owner)
	if !ok {
		return admin.TestReport{}, &admin.Error{Code: admin.Unavailable, Message: "another version is being tested", Hint: "try again when that is done"}
	}
	defer leave()
	cases, err := n.o.Tester(ctx, name, module, q.Cases)
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return admin.TestReport{}, &admin.Error{Code: admin.Invalid, Field: "cases", Message: fmt.Sprintf("the conversations took longer than %s", testTime), Hint: "wedge function test runs them without that bound"}
	case err != nil:
		return admin.TestReport{}, err
	}
	r := admin.TestReport{Version: v.Hash, Cases: cases}
	for _, k := range cases {
		if k.OK {
			r.Passed++
		} else {
			r.Failed++
		}
	}
	n.log.Info("function tested", "owner", owner, "function", name, "version", short(v.Hash), "passed", r.Passed, "failed", r.Failed)
	return r, nil
}
