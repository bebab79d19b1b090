package pipeline

import (
	"errors"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A script is a fake function: for each hook a list of acts.
//
//	function auth
//	on_request: set X-User=u1; key user=u1
//	on_response: set X-Seen=yes
//
// Acts: set N=V and del N (the message of the hook's side), answer STATUS [body],
// key N=V, ignore Q, sort, bypass, revalidate, origin N, path P, method M, ttl D, tag T,
// no-store, var N=V, copy-var N (into a request field), trap, budget, body TEXT.
type script struct {
	acts   map[exchange.Hook][]string
	handle []string // of a handler, see scriptHandler
}

func (w *world) function(name, input string) {
	s := &script{acts: map[exchange.Hook][]string{}}
	for line := range strings.SplitSeq(input, "\n") {
		h, acts, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		if h == "handle" {
			for a := range strings.SplitSeq(acts, ";") {
				s.handle = append(s.handle, strings.TrimSpace(a))
			}
		}
		for k := range exchange.Hooks {
			if k.String() == h {
				for a := range strings.SplitSeq(acts, ";") {
					s.acts[k] = append(s.acts[k], strings.TrimSpace(a))
				}
			}
		}
	}
	w.functions[name] = s
}

func (s *script) Hooks() (set exchange.HookSet) {
	for h := range s.acts {
		set = set.With(h)
	}
	return set
}

// Start takes an instance.
func (s *script) Start(x *exchange.Exchange) (hook.Run, error) { return scriptRun{s, x}, nil }

type scriptRun struct {
	s *script
	x *exchange.Exchange
}

func (r scriptRun) End() {}

func (r scriptRun) Call(h exchange.Hook) (answered bool, err error) {
	x := r.x
	var before exchange.Checkpoint
	x.Save(&before)
	fields := &x.Request.Header
	if h == exchange.OnFetched || h == exchange.OnResponse {
		fields = &x.Response.Header
	}
	for _, act := range r.s.acts[h] {
		verb, arg, _ := strings.Cut(act, " ")
		name, value, _ := strings.Cut(arg, "=")
		switch verb {
		case "set":
			fields.Set(name, value)
		case "del":
			fields.Delete(name)
		case "answer":
			code, body, _ := strings.Cut(arg, " ")
			x.Response.Drop()
			x.Response.Status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
			x.Response.Body, x.Response.ContentLength = exchange.NewBytesBody([]byte(body)), int64(len(body))
			answered = true
		case "body":
			x.Response.Body.Close()
			x.Response.Body, x.Response.ContentLength = exchange.NewBytesBody([]byte(arg)), int64(len(arg))
		case "key":
			x.Choices.Key.Parts = append(x.Choices.Key.Parts, exchange.Field{Name: name, Value: value})
		case "ignore":
			x.Choices.Key.IgnoreQuery = append(x.Choices.Key.IgnoreQuery, arg)
		case "sort":
			x.Choices.Key.SortQuery = true
		case "bypass":
			x.Choices.Bypass = true
		case "revalidate":
			x.Choices.Revalidate = true
		case "origin":
			x.Choices.Origin = arg
		case "method":
			x.Request.Method = arg
		case "path":
			x.Request.Path = arg
		case "ttl":
			d, err := time.ParseDuration(arg)
			if err != nil {
				panic(err)
			}
			x.Choices.TTL = exchange.Duration{Value: d, Set: true}
		case "tag":
			x.Choices.Tags = append(x.Choices.Tags, arg)
		case "no-store":
			x.Choices.NoStore = true
		case "var":
			x.Vars.Set(name, value)
		case "copy-var":
			v, _ := x.Vars.Value(arg)
			x.Request.Header.Set("X-Var-"+arg, v)
		case "trap", "budget":
			x.Restore(&before)
			reason := exchange.ReasonFunctionTrap
			if verb == "budget" {
				reason = exchange.ReasonFunctionBudget
			}
			return false, &exchange.Error{Source: exchange.SourceFunction, Op: "call " + h.String(), Reason: reason, Err: errors.New(verb)}
		default:
			panic("BUG: no act " + act)
		}
	}
	return answered, nil
}
