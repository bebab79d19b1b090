package sandbox_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

// An instance of keeper takes its page of memory and 64 KiB beside.
const keeperBytes = 128 << 10

// keepers is a pool of keeper in a room, and what was closed of it.
func keepers(t *testing.T, room *sandbox.Room) (*sandbox.Pool, *watch) {
	t.Helper()
	w := new(watch)
	return newPool(t, sandbox.Options{
		Module: compile(t, newEngine(t), keeper(false)), Limits: generous, Isolation: sandbox.PerInstance, Room: room, Events: w.events(),
	}), w
}

func TestRoomIsShared(t *testing.T) {
	room := sandbox.NewRoom(4*keeperBytes + 1000)
	a, goneA := keepers(t, room)
	b, goneB := keepers(t, room)
	var held []*sandbox.Instance
	for range 2 {
		held = append(held, acquire(t, a), acquire(t, b))
	}
	if got := room.Used(); got != 4*keeperBytes || a.Stats().Memory != 2*keeperBytes {
		t.Errorf("four instances take %d bytes, pool a %d", got, a.Stats().Memory)
	}
	_, err := a.Acquire(t.Context())
	var spent *limit.Exceeded
	if !errors.Is(err, sandbox.ErrNoRoom) || !errors.Is(err, sandbox.ErrNoInstance) || !errors.As(err, &spent) || spent.Budget != limit.NodeMemory {
		t.Errorf("the fifth: %v", err)
	} else if want := "node memory budget spent: limit 525288 bytes, wanted 655360"; spent.Error() != want || !strings.Contains(err.Error(), want) {
		t.Errorf("it says %q, want %q", err, want)
	}
	if n := room.Refused(); n != 1 {
		t.Errorf("refused %d", n)
	}

	// memory.grow is refused as well, as long as nothing is idle.
	held[0].Bind(&exchange{}, nil)
	if r := call(t, held[0], "grow", 1); int32(r[0]) != -1 {
		t.Errorf("a page more: %d", int32(r[0]))
	}
	// What is idle is closed for it, the longest first, of whichever pool.
	b.Release(held[1])
	a.Release(held[2])
	if r := call(t, held[0], "grow", 2); r[0] != 1 {
		t.Errorf("two pages more: %d", int32(r[0]))
	}
	goneB.want(t, map[sandbox.Reason]int{sandbox.Evicted: 1})
	goneA.want(t, map[sandbox.Reason]int{})
	fourth := acquire(t, a)
	wantStats(t, a, 2, 0, 0)
	if got := room.Used(); got != 4*keeperBytes {
		t.Errorf("in use: %d bytes", got)
	}
	a.Release(fourth)
	b.Release(acquire(t, b)) // takes the place of the one that is idle at a
	goneA.want(t, map[sandbox.Reason]int{sandbox.Evicted: 1})

	// Others book on it, too.
	if room.Take(2*keeperBytes) || !room.Take(keeperBytes) {
		t.Error("what is idle makes place for others, and what is in use does not")
	}
	room.Give(keeperBytes)
	for _, i := range []*sandbox.Instance{held[0]} {
		a.Release(i)
	}
	b.Release(held[3])
	a.Close()
	b.Close()
	if got := room.Used(); got != 0 {
		t.Errorf("at the end %d bytes are in use", got)
	}
}

// An image, what grew under isolation request, and what trapped, are given back.
func TestRoomIsGivenBack(t *testing.T) {
	room := sandbox.NewRoom(1 << 30)
	p := newPool(t, sandbox.Options{Module: compile(t, newEngine(t), keeper(true)), Limits: generous, Room: room})
	for range 3 {
		i := acquire(t, p)
		i.Bind(&exchange{}, nil)
		call(t, i, "grow", 20)
		if got := room.Used(); got < 21<<16 {
			t.Errorf("an instance of 21 pages takes %d bytes", got)
		}
		p.Release(i)
		i = acquire(t, p)
		i.Bind(&exchange{}, nil)
		_, _ = i.Call(context.Background(), "trap")
		p.Release(i)
	}
	i := acquire(t, p)
	if got, most := room.Used(), int64(2*keeperBytes); got > most { // the image is a page
		t.Errorf("one instance and its image take %d bytes, want at most %d", got, most)
	}
	p.Close()
	p.Release(i)
	if got := room.Used(); got != 0 {
		t.Errorf("at the end %d bytes are in use", got)
	}
}

// A guest that needs more for its initialisation than there is fails for want of memory, which opens no circuit.
func TestNoRoomIsNotTheGuestsFault(t *testing.T) {
	room := sandbox.NewRoom(keeperBytes / 2)
	p, _ := keepers(t, room)
	for range 10 {
		if _, err := p.Acquire(t.Context()); !errors.Is(err, sandbox.ErrNoRoom) || errors.Is(err, sandbox.ErrCircuit) {
			t.Fatal(err)
		}
	}
	if got := room.Used(); got != 0 {
		t.Errorf("%d bytes are in use", got)
	}
}

func TestHammerRoom(t *testing.T) {
	room := sandbox.NewRoom(5 * keeperBytes)
	var pools []*sandbox.Pool
	for range 3 {
		p, _ := keepers(t, room)
		pools = append(pools, p)
	}
	var wg sync.WaitGroup
	var served atomic.Int64
	until := time.Now().Add(100 * time.Millisecond)
	late := until.Add(20 * time.Second) // until then a busy machine has to serve one
	for g := range 3 {
		for h := range 2 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), uint64(h)))
				for time.Now().Before(until) || served.Load() == 0 && time.Now().Before(late) {
					i, err := pools[g].Acquire(context.Background())
					if err != nil {
						if !errors.Is(err, sandbox.ErrNoRoom) {
							t.Error(err)
						}
						continue
					}
					served.Add(1)
					i.Bind(&exchange{}, nil)
					_, _ = i.Call(context.Background(), "grow", uint64(r.IntN(3)))
					if used := room.Used(); used > room.Most() {
						t.Errorf("%d of %d bytes are in use", used, room.Most())
					}
					pools[g].Release(i)
				}
			})
		}
	}
	wg.Wait()
	if served.Load() == 0 {
		t.Error("nobody was served")
	}
	for _, p := range pools {
		p.Close()
	}
	if got := room.Used(); got != 0 {
		t.Errorf("at the end %d bytes are in use", got)
	}
}

// A guest that may make its table longer is booked with the longest from the begin, as nobody is asked when it does, and with
// the copy that puts the table back.
func TestRoomCountsTables(t *testing.T) {
	f := func(name string, want int64, m *Module) {
		t.Helper()
		room := sandbox.NewRoom(64 << 20)
		p := newPool(t, sandbox.Options{Module: compile(t, newEngine(t), m.Bytes()), Room: room, Isolation: sandbox.PerInstance})
		i := acquire(t, p)
		if got := room.Used(); got != want {
			t.Errorf("%s: %d bytes are booked, want %d", name, got, want)
		}
		if i.Has("grow") {
			i.Bind(nil, nil)
			if got := int32(call(t, i, "grow", 1000)[0]); got < 0 {
				t.Errorf("%s: the table does not grow", name)
			}
		}
		if got := room.Used(); got != want {
			t.Errorf("%s: %d bytes are booked once it has grown, want %d", name, got, want)
		}
		p.Release(i)
	}
	const beside = 64 << 10
	table := func(least, most uint32, grows bool) *Module {
		var m Module
		m.Table(least, most)
		m.Func("f", "", "", "")
		if grows {
			m.Func("grow", "i", "i", "", Code(Op(0xd2, 0), Get(0), Op(0xfc, 15, 0))...)
		}
		return &m
	}
	f("no table", beside, func() *Module { var m Module; m.Func("f", "", "", ""); return &m }())
	f("a table that stays", beside+100*8, table(100, 5000, false))
	f("a table that grows", beside+2*5000*8, table(100, 5000, true))
	f("a table that grows to the cap", beside+2*65536*8, table(100, 100_000, true))
}
