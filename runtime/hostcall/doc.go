// Package hostcall is the shape of a host function: a name, typed parameters, and a Go body that sees the guest's
// memory through checked views.
//
// Every call from a guest into the node goes through Call.Invoke. That one place counts the call, charges its fuel,
// stops the guest's CPU clock around functions that wait, and is where a journal of arguments and results belongs.
// What stands behind it (budgets, clocks, memory) is a Host, which runtime/sandbox satisfies.
//
// The package knows no engine and no ABI. The ABI packages and runtime/wasi declare []Func, runtime/engine links them
// into modules, runtime/sandbox drives them. Their tests drive them with hostcalltest.
package hostcall
