package sandbox

import (
	"errors"
	"reflect"

	"github.com/tetratelabs/wazero/api"
)

const (
	// mostStack is the call stack, in bytes, with which a guest that comes back to Go does not go on. The engine itself stops
	// at some 400 MB, and has copied all of it each time that it doubled.
	mostStack = 8 << 20
	// keptStack is what an instance keeps of a call stack between two calls. It never shrinks.
	keptStack = 128 << 10
)

// errDeepStack ends a guest whose call stack is larger than mostStack.
var errDeepStack = errors.New("stack overflow")

// callStack is the call stack that the engine has for one function. The engine doubles it when it is full and shows it
// nowhere, so its length is read from where it lies. If it lies elsewhere one day, its size is 0 and a test fails.
type callStack struct {
	slice reflect.Value // of the engine's field
	word  int           // size of an element
}

func callStackOf(f api.Function) callStack {
	v := reflect.Indirect(reflect.ValueOf(f))
	if v.Kind() != reflect.Struct {
		return callStack{}
	}
	s := v.FieldByName("stack")
	if !s.IsValid() || s.Kind() != reflect.Slice {
		return callStack{}
	}
	return callStack{s, int(s.Type().Elem().Size())}
}

// size is how much room there is, in bytes: what was used was more than half of it, or fitted into the first 10 KiB.
func (s callStack) size() int {
	if s.word == 0 {
		return 0
	}
	return s.slice.Len() * s.word
}
