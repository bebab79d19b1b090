package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// mostCalls bounds the calls of one run that are written down, mostLooks the looks at a clock, mostBytes what they hold, and
// mostFetched what is kept of all answers to its own requests together, each piece of them with pieceBytes more.
const (
	mostCalls   = 4096
	mostLooks   = 65536
	mostBytes   = 1 << 20
	mostFetched = 4 << 20
	pieceBytes  = 32
)

// A Tape stands between a function and the services of a node. One made by Record lets calls through and writes them down;
// one made by Play answers them out of a record, and writes down as well, for who wants to compare.
//
// mu guards what is written: a function's own requests run on goroutines of their own. The other calls come from one
// goroutine at a time.
type Tape struct {
	real    *services.Services
	chacha  *mathrand.ChaCha8
	offered map[string]bool

	mu      sync.Mutex
	run     *Run
	calls   *[]Call // of what goes on now
	n, size int
	fetched int // of mostFetched
	sealed  bool

	from    *Run   // played; nil while recording
	left    []Call // of it, that what goes on now has not asked yet
	fetches []Call
	looks   int
	missing []string
}

// Record makes a tape that writes down what a function of these settings asks of real.
func Record(run *Run, real *services.Services) *Tape {
	var seed [32]byte
	rand.Read(seed[:]) // never fails (crypto/rand)
	run.Seed = seed[:]
	t := &Tape{real: real, run: run, calls: &run.Begin, chacha: mathrand.NewChaCha8(seed), offered: map[string]bool{}}
	for name, there := range map[string]bool{"kv": real.KV != nil, "cache": real.Cache != nil, "fetch": real.Fetcher != nil, "counters": real.Counters != nil,
		"log": real.Log != nil, "metrics": real.Metrics != nil, "places": real.Places != nil, "devices": real.Devices != nil, "tracer": real.Tracer != nil} {
		t.offered[name] = there
		if there {
			run.Settings.Offered = append(run.Settings.Offered, name)
		}
	}
	slices.Sort(run.Settings.Offered)
	return t
}

// Play makes a tape that answers out of from, and writes what is asked into to.
func Play(from, to *Run) *Tape {
	t := &Tape{run: to, from: from, calls: &to.Begin, left: from.Begin, fetches: slices.Clone(from.Fetches), offered: map[string]bool{}}
	var seed [32]byte
	copy(seed[:], from.Seed)
	t.chacha = mathrand.NewChaCha8(seed)
	for _, name := range from.Settings.Offered {
		t.offered[name] = true
	}
	return t
}

// Begin has what is asked from now on belong to s; while playing, from is the step that answers, nil for none.
func (t *Tape) Begin(s, from *Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls, t.left = &s.Calls, nil
	if from != nil {
		t.left = slices.Clone(from.Calls)
	}
}

// Seal ends the record: what the function, or whoever reads its bodies, still does is not written down any more.
func (t *Tape) Seal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sealed = true
}

// Missing are the calls that were asked and that no record answers.
func (t *Tape) Missing() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.missing)
}

// World is the randomness and the time of the function.
func (t *Tape) World() *adapter.World {
	return &adapter.World{
		Random: func(b []byte) { t.chacha.Read(b) }, // never fails
		Look:   t.look,
		Keyed:  t.keyed, Verified: t.verified,
	}
}

// look is a look at a clock that shows now, in nanoseconds.
func (t *Tape) look(now int64) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.from != nil {
		switch n := len(t.from.Clock); {
		case t.looks < n:
			now = t.from.Clock[t.looks]
		case n > 0: // the record has none: time goes on by a microsecond a look
			now = t.from.Clock[n-1] + int64(t.looks-n+1)*1000
		default:
			now = dawn + int64(t.looks+1)*1000
		}
		t.looks++
	}
	if t.sealed {
		return now
	}
	if len(t.run.Clock) >= mostLooks {
		t.cut("it looked at the clock too often")
		return now
	}
	t.run.Clock = append(t.run.Clock, now)
	return now
}

// keyed is a code made with a secret. It is written down, so that who has not the secret gets the same.
func (t *Tape) keyed(name string, data []byte, sum func() []byte) []byte {
	answer, err := t.ask("hmac", texts(name, string(data)), func() ([]Text, error) { return []Text{Text(sum())}, nil })
	if err != nil || len(answer) != 1 {
		return sum() // with the stand-in
	}
	return []byte(answer[0])
}

// verified is what came of a signature, written down for the same reason.
func (t *Tape) verified(kind uint32, key, data, signature []byte, verify func() (right, ok bool)) (right, ok bool) {
	answer, err := t.ask("verify", texts(num(int64(kind)), string(key), string(data), string(signature)), func() ([]Text, error) {
		right, ok := verify()
		return texts(yes(right), yes(ok)), nil
	})
	if err != nil {
		return verify()
	}
	return at(answer, 0) == "yes", at(answer, 1) == "yes"
}

// cut says that the record is not whole. Preconditions: mu is held.
func (t *Tape) cut(why string) {
	if t.run.Cut == "" {
		t.run.Cut = why
	}
}

// write appends a call. Preconditions: mu is held.
func (t *Tape) write(to *[]Call, c Call) {
	if t.sealed {
		return
	}
	size := len(c.Name)
	for _, v := range slices.Concat(c.Ask, c.Answer) {
		size += len(v)
	}
	if t.n++; t.n > mostCalls {
		t.cut(fmt.Sprintf("it made more than %d calls", mostCalls))
		return
	}
	if t.size += size; t.size > mostBytes {
		t.cut(fmt.Sprintf("its calls have more than %d bytes", mostBytes))
		return
	}
	*to = append(*to, c)
}

// errMissing is the answer to what the record does not have.
var errMissing = errors.New("the recording has no answer to this call")

// ask makes a call, or finds the answer to one: the first of the record that asked the same and has not been given yet.
func (t *Tape) ask(name string, ask []Text, do func() ([]Text, error)) ([]Text, error) {
	if t.from == nil {
		answer, err := do()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.write(t.calls, Call{Name: name, Ask: ask, Answer: answer, Err: errorWord(err)})
		return answer, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c, found := take(&t.left, name, ask, 0)
	if !found {
		t.missing = append(t.missing, Call{Name: name, Ask: ask}.String())
		t.write(t.calls, Call{Name: name, Ask: ask, Err: "missing"})
		return nil, errMissing
	}
	t.write(t.calls, c)
	return c.Answer, errorOf(c.Err)
}

// tell makes a call that has no answer.
func (t *Tape) tell(name string, ask []Text) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write(t.calls, Call{Name: name, Ask: ask})
}

// take finds the answer to a call, that of its number if there is one: requests of a function's own that ask the same at one
// time may overtake each other, and each must get its own answer.
func take(from *[]Call, name string, ask []Text, number int) (Call, bool) {
	found := -1
	for i, c := range *from {
		if c.Name != name || !slices.Equal(c.Ask, ask) {
			continue
		}
		if found < 0 {
			found = i
		}
		if c.Number == number {
			found = i
			break
		}
	}
	if found < 0 {
		return Call{}, false
	}
	c := (*from)[found]
	*from = slices.Delete(slices.Clone(*from), found, found+1)
	return c, true
}

// String is the call as people read it.
func (c Call) String() string {
	var b strings.Builder
	b.WriteString(c.Name)
	for _, a := range c.Ask {
		b.WriteString(" " + strconv.Quote(string(a)))
	}
	if len(c.Answer) > 0 || c.Err != "" {
		b.WriteString(" =")
	}
	for _, a := range c.Answer {
		b.WriteString(" " + strconv.Quote(string(a)))
	}
	if c.Err != "" {
		b.WriteString(" " + c.Err)
	}
	return b.String()
}

// failures are the words of errors that guests can tell apart.
var failures = map[string]error{
	"invalid": services.ErrInvalid, "absent": services.ErrAbsent, "limit": services.ErrLimit, "not-allowed": services.ErrNotAllowed,
	"not-a-number": services.ErrNotNumber, "timeout": services.ErrTimeout,
}

// errorWord is an error's word; "" for none.
func errorWord(err error) string {
	if err == nil {
		return ""
	}
	if c, ok := errors.AsType[*services.ConflictError](err); ok {
		return "conflict " + strconv.FormatUint(c.Current, 10)
	}
	for _, word := range slices.Sorted(maps.Keys(failures)) {
		if errors.Is(err, failures[word]) {
			return word
		}
	}
	return "failed"
}

// errorOf is the error of a word.
func errorOf(word string) error {
	if word == "" {
		return nil
	}
	if v, is := strings.CutPrefix(word, "conflict "); is {
		n, _ := strconv.ParseUint(v, 10, 64) // the reader has checked it
		return &services.ConflictError{Current: n}
	}
	if err := failures[word]; err != nil {
		return err
	}
	return errors.New("the call failed when it was recorded")
}

// dawn is what a clock shows that was not looked at when it was recorded: 2026. Some guests take 0 for "no clock".
const dawn = int64(1767225600_000000000)
