package encode

import (
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	brotli "github.com/molecule-man/go-brrr"
)

// A Coding is a content coding.
type Coding uint8

// The codings.
const (
	Identity Coding = iota
	Gzip
	Zstd
	Brotli
	codings
)

// String is the coding's name in header fields.
func (c Coding) String() string { return [...]string{"identity", "gzip", "zstd", "br"}[c] }

// A Level is how much time is spent for how few bytes.
type Level uint8

// The levels.
const (
	Default Level = iota
	Fast
	Best
)

// levels are the levels of the compressors.
var levels = [...]struct {
	gzip, brotli int
	zstd         zstd.EncoderLevel
}{
	Default: {gzip: 5, brotli: 4, zstd: zstd.SpeedDefault},
	Fast:    {gzip: 1, brotli: 1, zstd: zstd.SpeedFastest},
	Best:    {gzip: 9, brotli: 9, zstd: zstd.SpeedBestCompression},
}

// window is how far back a compressor looks, as a power of two. A client has to
// keep as much, for zstd up to 8 MB (https://www.rfc-editor.org/rfc/rfc9659), and
// each response that is being sent costs us a few times that much.
const window = 18

// A compressor is what the three libraries have in common.
type compressor interface {
	io.Writer
	Flush() error
	Close() error
	Reset(io.Writer)
}

// pools keep compressors of one level for the next response.
type pools struct {
	level Level
	of    [codings]sync.Pool
}

func (p *pools) take(c Coding, w io.Writer) compressor {
	if z, ok := p.of[c].Get().(compressor); ok {
		z.Reset(w)
		return z
	}
	var z compressor
	var err error
	switch l := levels[p.level]; c {
	case Gzip:
		z, err = gzip.NewWriterLevel(w, l.gzip)
	case Zstd:
		z, err = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(l.zstd), zstd.WithWindowSize(1<<window), zstd.WithLowerEncoderMem(true))
	case Brotli:
		z, err = brotli.NewWriterOptions(w, l.brotli, brotli.WriterOptions{LGWin: window})
	}
	if err != nil || z == nil {
		panic("BUG: encode: no compressor for " + c.String())
	}
	return z
}

func (p *pools) put(c Coding, z compressor) {
	z.Reset(io.Discard) // it must not keep the connection
	p.of[c].Put(z)
}
