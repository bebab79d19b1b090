package fastlytoml

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxFile is the largest file that is read, fastly.toml or one that it names: what a store's value may have.
const maxFile = 25 << 20

// An Error is something in the file that has no meaning. Line is 0 where it is the file as a whole.
type Error struct {
	File    string
	Line    int
	Message string
	Hint    string
}

// Error is "file:line: message".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// Read reads a file. What it names is looked for in its folder. An error is of type *Error.
func Read(name string) (*File, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, &Error{File: name, Message: "cannot read the project's settings: " + cause(err), Hint: "-C names the project's fastly.toml"}
	}
	return Parse(name, text)
}

// Parse reads the text of a file of that name.
func Parse(name string, text []byte) (*File, error) {
	root := map[string]any{}
	if err := toml.Unmarshal(text, &root); err != nil {
		e := &Error{File: name, Message: strings.TrimPrefix(err.Error(), "toml: "), Hint: "the file must be TOML: https://toml.io"}
		if at, is := errors.AsType[*toml.DecodeError](err); is {
			e.Line, _ = at.Position()
		}
		return nil, e
	}
	r := &reader{file: &File{}, name: name, dir: filepath.Dir(name), lines: lines(text)}
	if err := r.localServer(root); err != nil {
		return nil, err
	}
	return r.file, nil
}

// reader walks through the tables of one file.
type reader struct {
	file      *File
	name, dir string
	lines     map[string]int // by path, see at
}

// at is a place in the file: keys from the root on.
type at []string

func (p at) of(key string) at { return append(slices.Clone(p), key) }
func (p at) key() string      { return strings.Join(p, "\x00") }

// String is the place as TOML would have it, without the table that all are in.
func (p at) String() string { return strings.Join(p[min(1, len(p)):], ".") }

// lines has the line of each table and key. What stands inside of a value has the line of its key.
func lines(text []byte) map[string]int {
	found := map[string]int{}
	arrays := map[string]int{} // elements so far
	var p unstable.Parser
	p.Reset(text)
	var table at
	for p.NextExpression() {
		e := p.Expression()
		var path at
		line := 0
		for k := e.Key(); k.Next(); {
			n := k.Node()
			path = append(path, string(n.Data))
			if line == 0 {
				line = p.Shape(n.Raw).Start.Line
			}
		}
		switch e.Kind {
		case unstable.ArrayTable:
			table = path.of(fmt.Sprint(arrays[path.key()]))
			arrays[path.key()]++
			path = table
		case unstable.Table:
			table = path
		case unstable.KeyValue:
			path = append(slices.Clone(table), path...)
		default:
			continue
		}
		for i := 1; i <= len(path); i++ {
			if k := path[:i].key(); found[k] == 0 {
				found[k] = line
			}
		}
	}
	return found
}

func (r *reader) bad(p at, hint, format string, args ...any) *Error {
	e := &Error{File: r.name, Message: p.String() + " " + fmt.Sprintf(format, args...), Hint: hint}
	for i := len(p); i > 0 && e.Line == 0; i-- {
		e.Line = r.lines[p[:i].key()]
	}
	return e
}

func (r *reader) note(p at, why string) {
	line := 0
	for i := len(p); i > 0 && line == 0; i-- {
		line = r.lines[p[:i].key()]
	}
	r.file.Notes = append(r.file.Notes, fmt.Sprintf("%s:%d: %s %s", r.name, line, p, why))
}

func (r *reader) table(p at, v any) (map[string]any, error) {
	if t, is := v.(map[string]any); is {
		return t, nil
	}
	return nil, r.bad(p, "the vendor's reference of fastly.toml has the form", "is no table")
}

func (r *reader) text(p at, t map[string]any, key string) (string, error) {
	v, has := t[key]
	if !has {
		return "", nil
	}
	if s, is := v.(string); is {
		return s, nil
	}
	return "", r.bad(p.of(key), "put it into quotes", "is no text")
}

// content reads a file that the file names.
func (r *reader) content(p at, name string) ([]byte, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, name)
	}
	b, err := readFile(path)
	if err != nil {
		return nil, r.bad(p, "a path begins in the folder of the file that names it", "names %s, which cannot be read: %s", name, cause(err))
	}
	return b, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("it is too large")
	}
	return b, err
}

// cause is an error without the file's name, which stands beside it.
func cause(err error) string {
	if p, is := errors.AsType[*fs.PathError](err); is {
		return p.Err.Error()
	}
	return err.Error()
}
