package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

const goFalls = `package main

import "os"

func main() {}

//go:noinline
func spin(n int) int {
	sum := 0
	for i := 0; n > 0; i++ { // line 10
		sum += i * n
	}
	return sum
}

//go:noinline
func crash(p []int, n int) int {
	if n == 0 {
		return p[len(p)+n] // line 19
	}
	return crash(p, n-1) + 1 // line 21
}

func leave(code int) { // becomes a part of its caller
	os.Exit(code) // line 25
}

type thing interface{ act(int) int }
type looping struct{}

func (looping) act(n int) int { return spin(n) + 1 } // line 31

var things = []thing{looping{}}

//go:wasmexport spin
func exportedSpin(n int32) int32 {
	return int32(spin(int(n))) + 3 // line 37
}

//go:wasmexport act
func exportedAct(n int32) int32 {
	var sum int
	for _, t := range things {
		sum += t.act(int(n)) // line 44
	}
	return int32(sum)
}

//go:wasmexport crash
func exportedCrash(n int32) int32 {
	return int32(crash([]int{1}, int(n))) // line 51
}

//go:wasmexport leave
func exportedLeave(n int32) int32 {
	leave(int(n)) // line 56
	return 0
}
`

// The stack of a Go guest's trap leads to files and lines.
func TestGoLines(t *testing.T) {
	if Race { // which makes compiling the guest take half a minute
		t.Skip("takes long under the race detector")
	}
	module := Go(t, goFalls)
	code := compile(t, newEngine(t), module)
	f := func(export string, arg uint64, want string) {
		t.Helper()
		p := newPool(t, sandbox.Options{Module: code, Limits: limit.Limits{Fuel: 10_000_000, CPU: limit.None, Wall: limit.None},
			Outside: func() any { return &exchange{s: &wasi.State{Args: []string{"guest"}}} }})
		i := acquire(t, p)
		i.Bind(&exchange{s: &wasi.State{Args: []string{"guest"}}}, nil)
		_, err := i.Call(context.Background(), export, arg)
		p.Release(i)
		var trap *sandbox.Trap
		if !errors.As(err, &trap) {
			t.Fatalf("%s ended with %v", export, err)
		}
		var offsets []int
		for _, f := range trap.Stack {
			offsets = append(offsets, f.Offset)
		}
		known, err := code.Locate(module, offsets)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range trap.Stack {
			at := known[f.Offset].Source
			if strings.HasSuffix(at.File, "main.go") {
				got += fmt.Sprintf("%s:%d; ", f.Function, at.Line)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", export, got, want)
		}
	}
	f("spin", 1, "main.spin:10; main.exportedSpin:37; ")
	f("act", 1, "main.spin:10; main.__looping_.act:31; main.exportedAct:44; ")
	f("crash", 2, "main.crash:19; main.crash:21; main.crash:21; main.exportedCrash:51; ")
	f("leave", 7, "main.exportedLeave:25; ")
}
