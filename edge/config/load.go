package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/goccy/go-yaml/ast"

	"github.com/wedgecdn/wedge/edge/config/internal/field"
)

// Default is the configuration of an empty file. Its data folder is relative.
func Default() *Config {
	c := new(Config)
	setDefaults(reflect.ValueOf(c).Elem())
	return c
}

// Load reads the configuration from a file. The error is of type Errors.
func Load(path string) (*Config, error) {
	c, _, err := LoadText(path)
	return c, err
}

// LoadText is Load, and returns the text of the file as well, for Remarks.
func LoadText(path string) (*Config, []byte, error) {
	data, err := readFile(path)
	if err != nil {
		// The file's name stands before the message; the system's error would repeat it.
		cause := err
		if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
			cause = pathErr.Err
		}
		hint := "check that the node may read it"
		if errors.Is(err, fs.ErrNotExist) {
			hint = "name the configuration with --config PATH"
		}
		return nil, nil, Errors{{File: path, Message: "cannot read the configuration: " + cause.Error(), Hint: hint, cause: err}}
	}
	c, err := Parse(path, data)
	return c, data, err
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is a folder")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// Parse reads a configuration from memory. The name stands in complaints, and relative paths begin in its folder. The error is of
// type Errors and holds every complaint that could be found.
func Parse(name string, data []byte) (*Config, error) {
	s := newSource(name)
	text, ok := s.cleanText(data)
	if !ok {
		return nil, s.errors()
	}
	root := s.readYAML(text)
	if len(s.problems) > 0 {
		return nil, s.errors()
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, Errors{{File: name, Message: "cannot tell the folder of the file: " + err.Error(), Hint: "name the file by its whole path", cause: err}}
	}
	d := newDecoder(s, dir, root)
	c := Default()
	c.Data = d.path(c.Data, field.Rule{})
	if root != nil {
		d.file(root, c)
	}
	d.complete(c)
	if err := s.errors(); err != nil {
		return nil, err
	}
	return c, nil
}

func (d *decoder) file(root ast.Node, c *Config) {
	n := d.resolve(root)
	if _, ok := n.(*ast.MappingNode); !ok && n != nil {
		d.complain(nodePlace(n), "fields here: "+fieldNames(field.Of(reflect.TypeFor[Config]())), "the file wants a map, this is %s", kindOf(n))
		return
	}
	d.structure(n, reflect.ValueOf(c).Elem(), "")
}

// at is where a value stands in the file: the first of the paths that the file names, or else the nearest thing around the last one.
func (d *decoder) at(paths ...string) place {
	for _, p := range paths {
		if at, ok := d.places[p]; ok {
			return at
		}
	}
	p := paths[len(paths)-1]
	for i := len(p) - 1; i > 0; i-- {
		if p[i] != '.' && p[i] != '[' {
			continue
		}
		if at, ok := d.places[p[:i]]; ok {
			return at
		}
	}
	return place{}
}

// written reports whether the file itself names a value.
func (d *decoder) written(path string) bool {
	_, ok := d.places[path]
	return ok
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
