package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/wedgecdn/wedge/runtime/meter"
)

// snapshot makes an image of the instance as it is, and lays the instance over it. The caller gets a hold on the image, as
// the instance has one. An empty way is the cheapest.
func (i *Instance) snapshot(way Way) (_ *image, err error) {
	if i.code.Metered().Saves {
		if _, err := i.hidden(meter.SaveName, 0); err != nil {
			return nil, fmt.Errorf("sandbox: save tables and globals: %w", err)
		}
	}
	i.findGlobals()
	globals := make([]uint64, len(i.globals))
	for n, g := range i.globals {
		globals[n] = g.Get()
	}
	l := &i.memory
	im, err := newImage(l.bytes, globals, way != Copy && len(l.bytes) > alwaysCopied)
	if err != nil && way == "" { // such as no more descriptors
		im, err = newImage(l.bytes, globals, false)
	}
	if err != nil {
		return nil, err
	}
	i.image = im
	if err := l.lay(im); err != nil {
		return nil, err
	}
	im.noted = way == ""
	switch {
	case im.file == nil:
	case way == "":
		if im.way = l.measure(im); im.way == Copy {
			im.leaveFile()
		}
	default:
		im.way = way
	}
	i.run.notes.take()
	i.run.careful()
	return im.retain(), nil
}

// adopt makes a new instance, whose initialisation has not run, one whose initialisation did what the image's did.
func (i *Instance) adopt(im *image) error {
	i.findGlobals()
	i.image = im.retain()
	if !i.memory.pay(int64(im.size)) {
		return i.memory.account.noRoom(int64(im.size) - int64(len(i.memory.bytes)))
	}
	if err := i.memory.resize(i.module.Memory(), im.size); err != nil {
		return err
	}
	if err := i.memory.lay(im); err != nil {
		return fmt.Errorf("sandbox: lay an image: %w", err)
	}
	i.run.notes.take()
	i.initial = im.size
	i.run.careful()
	return i.putState()
}

// timedResets says how many resets of an instance one time stands for: two looks at a clock are a tenth of a small reset.
const timedResets = 16

// reset puts back all that the guest can have changed, and tells by which way. If it fails, the instance must not serve again.
func (i *Instance) reset() (Way, error) {
	im, l := i.image, &i.memory
	pages, known := i.run.notes.take()
	if err := l.resize(i.module.Memory(), im.size); err != nil {
		return im.way, err
	}
	if known && im.noted {
		l.putBackNoted(im, pages, i.run.notes.from)
		if invariants && !bytes.Equal(l.bytes, im.bytes) {
			panic("BUG: sandbox: a page was written to, and neither the guest nor a host function noted it")
		}
		return Noted, i.putState()
	}
	if err := l.putBack(im, im.way); err != nil {
		return im.way, err
	}
	return im.way, i.putState()
}

// errGrownTable is why an instance cannot be put back.
var errGrownTable = errors.New("sandbox: a table has grown, which never shrinks")

// putState puts back what is not memory.
func (i *Instance) putState() error {
	for n, g := range i.globals {
		g.Set(i.image.globals[n])
	}
	if !i.code.Metered().Saves {
		return nil
	}
	switch out, err := i.hidden(meter.RestoreName, 1); {
	case err != nil:
		return fmt.Errorf("sandbox: restore tables and globals: %w", err)
	case uint32(out[0]) == 0:
		return errGrownTable
	}
	return nil
}

// hidden calls a function that the meter added.
func (i *Instance) hidden(name string, results int) ([]uint64, error) {
	e := i.exports[name]
	if e == nil {
		e = i.look(name, 0, results)
	}
	out, err := i.call(context.Background(), e)
	i.Unbind() // with a full budget again
	return out, err
}

func (i *Instance) findGlobals() {
	names := i.code.Metered().Globals
	i.globals = make([]api.MutableGlobal, len(names))
	for n, g := range names {
		i.globals[n] = i.module.ExportedGlobal(g.Name).(api.MutableGlobal)
	}
}

// exitedWell tells whether the guest ended itself with exit code 0, as a program does whose work is done.
func (t *Trap) exitedWell() bool {
	var exit interface{ ExitCode() uint32 }
	return t.Kind == Exit && errors.As(t.Err, &exit) && exit.ExitCode() == 0
}
