package admin

import "time"

// A FunctionFailure is a way in which a function failed.
type FunctionFailure struct {
	Count        int64         `json:"count" doc:"How often it happened since it was first met."`
	First        time.Time     `json:"first" doc:"When it was first met."`
	Last         time.Time     `json:"last" doc:"When it happened last; request, budgets and log are of then."`
	Request      string        `json:"request,omitempty" doc:"The exchange's id."`
	Version      string        `json:"version" doc:"SHA-256 of the version that failed."`
	During       string        `json:"during" doc:"The hook, or initialise."`
	Kind         string        `json:"kind" doc:"The kind of trap: unreachable, out_of_bounds, budget and so on."`
	Message      string        `json:"message"`
	LastHostCall string        `json:"last_host_call,omitempty" doc:"The host function that it called last, as module.name."`
	Budgets      []BudgetSpent `json:"budgets" doc:"What the exchange had spent."`
	Stack        []GuestFrame  `json:"stack" doc:"The functions it was in, the innermost first."`
	Log          []string      `json:"log" doc:"What the function logged in that exchange, the oldest line first."`
}

// BudgetSpent is one budget of an exchange.
type BudgetSpent struct {
	Budget string `json:"budget" doc:"fuel, cpu, wall, memory, host_calls and so on; times are in nanoseconds, memory in bytes."`
	Spent  int64  `json:"spent"`
	Limit  int64  `json:"limit" doc:"0 if there is none."`
	Text   string `json:"text" doc:"The same for people."`
}

// A GuestFrame is a function that a guest was in.
type GuestFrame struct {
	Function string `json:"function" doc:"Its name, or $ and its index."`
	Offset   int    `json:"offset,omitempty" doc:"Of the instruction, in bytes from the begin of the module."`
	File     string `json:"file,omitempty" doc:"Source file, if the module has debug information."`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
}
