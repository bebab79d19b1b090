package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/wedgecdn/wedge/edge/cache/disk/faultfs"
	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// key is the n-th key: spread as hashes are.
func key(n int) (k Key) {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	binary.LittleEndian.PutUint64(k[:], r.Uint64())
	binary.LittleEndian.PutUint64(k[8:], r.Uint64())
	return k
}

// content is a body that names its key and its version all over.
func content(n, version, size int) []byte {
	const line = 256
	b := make([]byte, size+line)
	for at := 0; at < size; at += line {
		binary.BigEndian.PutUint32(b[at:], uint32(n))
		binary.BigEndian.PutUint32(b[at+4:], uint32(version))
		binary.BigEndian.PutUint32(b[at+8:], uint32(at))
	}
	return b[:size]
}

func open(t testing.TB, fsys vfs.FS, size int64) *Tier {
	t.Helper()
	d, err := Open(Options{FS: fsys, ID: ID{1}, Size: size, Segment: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// store puts a response there; false if the tier did not take it.
func store(d *Tier, n, version, size int) bool { return storeAs(d, n, version, size, nil, Key{}) }

func storeAs(d *Tier, n, version, size int, names []string, variant Key) bool {
	w := d.Create(int64(size))
	defer w.Close()
	for b := content(n, version, size); len(b) > 0; {
		m := min(len(b), w.Size())
		if w.Put(b[:m]) != nil {
			return false
		}
		b = b[m:]
	}
	r := Record{Key: key(n), Variant: variant, Born: uint64(version), Names: names, Meta: fmt.Appendf(nil, "%d/%d/%d", n, version, size)}
	return d.Commit(&r, w.Content())
}

func plain([]string) Key { return Key{} }

// find reads a response: the version of the body, 0 if there is none. A body
// that is not what was stored fails the test; one that is cut is no body.
func find(t testing.TB, d *Tier, n int) int {
	t.Helper()
	version, wrong := look(d, n)
	if wrong != nil {
		t.Error(wrong)
	}
	return version
}

func look(d *Tier, n int) (version int, wrong error) {
	r, c, ok := d.Find(key(n), plain)
	if !ok {
		return 0, nil
	}
	var m, size int
	if _, err := fmt.Sscanf(string(r.Meta), "%d/%d/%d", &m, &version, &size); err != nil || m != n || uint64(version) != r.Born {
		return 0, fmt.Errorf("the head of %d is %q: %v", n, r.Meta, err)
	}
	if c.Size() != int64(size) {
		return 0, fmt.Errorf("the body of %d has %d bytes, its head says %d", n, c.Size(), size)
	}
	b, ok := c.Open()
	if !ok {
		return 0, nil
	}
	defer b.Close()
	var got bytes.Buffer
	if _, err := b.WriteTo(&got); err != nil {
		version, size = 0, got.Len()
	}
	if !bytes.Equal(got.Bytes(), content(n, int(r.Born), size)[:got.Len()]) || version != 0 && got.Len() != size {
		return 0, fmt.Errorf("a wrong byte in the body of %d, version %d, %d of %d bytes", n, r.Born, got.Len(), size)
	}
	return version, nil
}

func memory(t testing.TB) *faultfs.FS { t.Helper(); return faultfs.New(1) }

var _ io.ReadCloser = (*Body)(nil)
