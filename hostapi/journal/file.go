package journal

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Format is the version of the file.
const Format = 1

// A line of the file has one of these. The first is the head; a function's code comes before the exchanges that it ran in.
type line struct {
	Wedge    string    `json:"wedge,omitempty"` // "recording"
	Format   int       `json:"format,omitempty"`
	Code     *code     `json:"code,omitempty"`
	Exchange *Exchange `json:"exchange,omitempty"`
}

// code is a module, compressed.
type code struct {
	Version string `json:"version"`
	Gzip    string `json:"gzip"` // in base64
}

const (
	// mostLine bounds a line that is read, mostModule a module when it is unpacked, in bytes.
	mostLine   = 96 << 20
	mostModule = 64 << 20
)

// A Writer writes a file.
type Writer struct {
	w     io.Writer
	known map[string]bool // versions whose code is in the file
}

// NewWriter begins a file.
func NewWriter(w io.Writer) (*Writer, error) {
	out := &Writer{w: w, known: map[string]bool{}}
	return out, out.line(line{Wedge: "recording", Format: Format})
}

func (w *Writer) line(l line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = w.w.Write(append(b, '\n'))
	return err
}

// Needs tells whether the file has not got the code of a version yet.
func (w *Writer) Needs(version string) bool { return !w.known[version] }

// Code writes the code of a version.
func (w *Writer) Code(version string, module []byte) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(module) // into memory
	z.Close()
	w.known[version] = true
	return w.line(line{Code: &code{version, base64.StdEncoding.EncodeToString(b.Bytes())}})
}

// Exchange writes an exchange.
func (w *Writer) Exchange(x *Exchange) error { return w.line(line{Exchange: x}) }

// A Reader reads a file.
type Reader struct {
	in   *bufio.Reader
	n    int
	code map[string][]byte
}

// NewReader reads the head of a file.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{in: bufio.NewReaderSize(r, 64<<10), code: map[string][]byte{}}
	l, err := in.next()
	switch {
	case err == io.EOF:
		return nil, errors.New("the file is empty")
	case err != nil || l.Wedge != "recording":
		return nil, errors.New(`the file is no recording: its first line is not that of "wedge record"`)
	case l.Format != Format:
		return nil, fmt.Errorf("the recording is in format %d, this wedge reads %d", l.Format, Format)
	}
	return in, nil
}

// Code is the code of a version that has been read, nil if the file does not have it so far.
func (r *Reader) Code(version string) []byte { return r.code[version] }

// Version is the code of the version that text names, in full or by its first 6 characters or more; nil if none is, so far,
// or several are.
func (r *Reader) Version(text string) (found []byte) {
	if len(text) < 6 {
		return nil
	}
	for v, b := range r.code {
		if strings.HasPrefix(v, text) {
			if found != nil {
				return nil
			}
			found = b
		}
	}
	return found
}

// Next reads the next exchange; io.EOF behind the last. Every other error names the line.
func (r *Reader) Next() (*Exchange, error) {
	for {
		l, err := r.next()
		if err == io.EOF {
			return nil, err
		}
		if err == nil {
			switch {
			case l.Code != nil:
				r.code[l.Code.Version], err = l.Code.unpack()
			case l.Exchange != nil:
				if err = l.Exchange.check(); err == nil {
					return l.Exchange, nil
				}
			default:
				err = errors.New("neither code nor an exchange")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", r.n, err)
		}
	}
}

func (r *Reader) next() (l line, err error) {
	var b []byte
	for {
		part, err := r.in.ReadSlice('\n')
		if b = append(b, part...); len(b) > mostLine {
			return l, fmt.Errorf("it has more than %d bytes", mostLine)
		}
		if err == io.EOF && len(b) == 0 {
			return l, err
		}
		if err == io.EOF {
			return l, errors.New("the recording ends in the middle of a line")
		}
		if err == nil && len(bytes.TrimSpace(b)) == 0 { // a sign of life
			b = b[:0]
			r.n++
			continue
		}
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			return l, err
		}
	}
	r.n++
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return l, d.Decode(&l)
}

func (c *code) unpack() ([]byte, error) {
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(c.Gzip)))
	if err != nil {
		return nil, fmt.Errorf("the code of version %.12s: %w", c.Version, err)
	}
	b, err := io.ReadAll(io.LimitReader(z, mostModule+1))
	if err == nil && len(b) > mostModule {
		err = fmt.Errorf("more than %d bytes", mostModule)
	}
	if err != nil {
		return nil, fmt.Errorf("the code of version %.12s: %w", c.Version, err)
	}
	return b, nil
}

// check refuses what would have no meaning when it is played.
func (x *Exchange) check() error {
	if _, ok := exchange.ParseID(x.ID); !ok {
		return fmt.Errorf("the exchange's id %.40q is none", x.ID)
	}
	for i, r := range x.Runs {
		if r == nil {
			return fmt.Errorf("run %d is missing", i)
		}
		if len(r.Seed) != 32 {
			return fmt.Errorf("function %.40q: the seed has %d bytes, not 32", r.Function, len(r.Seed))
		}
		for name, n := range r.Settings.Secrets {
			if n < 0 || n > 1<<20 {
				return fmt.Errorf("function %.40q: secret %.40q is %d bytes long", r.Function, name, n)
			}
		}
		if r.Settings.Fuel < 0 || r.Settings.Memory < 0 || r.Settings.HostCalls < 0 || r.Settings.MaxBody < 0 {
			return fmt.Errorf("function %.40q: a limit is below 0", r.Function)
		}
		for k, s := range r.Steps {
			if s == nil {
				return fmt.Errorf("function %.40q: step %d is missing", r.Function, k)
			}
			if _, ok := HookOf(s.Hook); !ok {
				return fmt.Errorf("function %.40q: no hook is called %.40q", r.Function, s.Hook)
			}
			for _, m := range []*Message{&s.Before.Request, &s.Before.Response, &s.After.Request, &s.After.Response} {
				if err := m.Body.check(); err != nil {
					return fmt.Errorf("function %.40q, %s: %w", r.Function, s.Hook, err)
				}
			}
			if err := checkCalls(s.Calls); err != nil {
				return fmt.Errorf("function %.40q, %s: %w", r.Function, s.Hook, err)
			}
		}
		if err := checkCalls(slices.Concat(r.Begin, r.Fetches)); err != nil {
			return fmt.Errorf("function %.40q: %w", r.Function, err)
		}
	}
	return nil
}

func (b *Body) check() error {
	if b == nil {
		return nil
	}
	n := 0
	for _, p := range b.Pieces {
		if p <= 0 || p > len(b.Data)-n {
			return errors.New("the pieces of a body are not its data")
		}
		n += p
	}
	if n != len(b.Data) {
		return errors.New("the pieces of a body are not its data")
	}
	return nil
}

func checkCalls(calls []Call) error {
	for _, c := range calls {
		if v, is := strings.CutPrefix(c.Err, "conflict "); is {
			if _, err := strconv.ParseUint(v, 10, 64); err != nil {
				return fmt.Errorf("call %.40q: %.40q is no error", c.Name, c.Err)
			}
		} else if c.Err != "" && c.Err != "failed" && c.Err != "missing" && failures[c.Err] == nil {
			return fmt.Errorf("call %.40q: %.40q is no error", c.Name, c.Err)
		}
	}
	return nil
}

// HookOf is the hook of that name.
func HookOf(name string) (exchange.Hook, bool) {
	for h := range exchange.Hooks {
		if h.String() == name {
			return h, true
		}
	}
	return 0, false
}
