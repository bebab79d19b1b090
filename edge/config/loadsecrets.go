package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// maxSecret bounds a secret, so that a wrong path does not read a disk into memory.
const maxSecret = 64 << 10

// LoadSecrets reads every secret that the configuration points at, those of functions and bindings and the tokens of the operators'
// API, and puts the values into c. Call it before c is shared. The error is of type Errors; it names what could not be read, its file
// or variable, and never a value. A source that is named several times is read once, so that all its users see the same.
func LoadSecrets(c *Config) error {
	l := secretLoader{files: map[string]loaded{}}
	load := func(place string, secrets map[string]Secret) {
		for _, key := range slices.Sorted(maps.Keys(secrets)) {
			s := secrets[key]
			if s.Env != "" {
				s.Value = l.env(place+".secrets."+key, s.Env)
			} else {
				s.Value = l.file(place+".secrets."+key, s.File)
			}
			secrets[key] = s
		}
	}
	if c.Admin.TokenFile != "" {
		c.Admin.Operator = l.file("admin.token_file", c.Admin.TokenFile)
	}
	for i := range c.Admin.Tokens {
		t := &c.Admin.Tokens[i]
		t.Value = l.file("admin.tokens."+string(t.Name), t.File)
	}
	for i := range c.Functions {
		f := &c.Functions[i]
		load("functions."+string(f.Name), f.Secrets)
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		place := "sites." + string(s.Name)
		for _, b := range s.Functions {
			load(place+".functions."+string(b.Name), b.Secrets)
		}
		if s.Handler != nil {
			load(place+".handler", s.Handler.Secrets)
		}
		for j := range s.Routes {
			r := &s.Routes[j]
			for _, b := range r.Functions[len(s.Functions):] {
				load(place+".routes["+string(r.Path)+"].functions."+string(b.Name), b.Secrets)
			}
			if r.Handler != nil && r.Handler != s.Handler {
				load(place+".routes["+string(r.Path)+"].handler", r.Handler.Secrets)
			}
		}
	}
	if len(l.problems) > 0 {
		return l.problems
	}
	return nil
}

type loaded struct {
	value SecretValue
	err   error
}

type secretLoader struct {
	files    map[string]loaded
	problems Errors
}

func (l *secretLoader) complain(place, message, hint string, cause error) SecretValue {
	l.problems = append(l.problems, Problem{Message: printable(place + ": " + message), Hint: hint, cause: cause})
	return SecretValue{}
}

func (l *secretLoader) env(place, name string) SecretValue {
	text, ok := os.LookupEnv(name)
	switch {
	case !ok:
		return l.complain(place, fmt.Sprintf("the environment variable %s is not set", name), "set it for the node's process, or name a file", nil)
	case text == "":
		return l.complain(place, fmt.Sprintf("the environment variable %s is empty", name), "give it a value, or name a file", nil)
	case len(text) > maxSecret:
		return l.complain(place, fmt.Sprintf("the environment variable %s holds more than 64KiB", name), "", nil)
	}
	return NewSecretValue(text)
}

func (l *secretLoader) file(place, path string) SecretValue {
	got, known := l.files[path]
	if !known {
		got.value, got.err = readSecret(path)
		l.files[path] = got
	}
	if got.err != nil {
		hint := "check that it exists and that the node may read it"
		if errors.Is(got.err, errNotSecret) {
			hint = "put the value, and nothing else, into the file"
		}
		return l.complain(place, "cannot read the secret: "+got.err.Error(), hint, got.err)
	}
	return got.value
}

var errNotSecret = errors.New("not the file of a secret")

func readSecret(path string) (SecretValue, error) {
	info, err := os.Stat(path)
	if err != nil {
		return SecretValue{}, err
	}
	// A pipe or a terminal would let the node wait for ever.
	if !info.Mode().IsRegular() {
		return SecretValue{}, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: it is no regular file", errNotSecret)}
	}
	f, err := os.Open(path)
	if err != nil {
		return SecretValue{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return SecretValue{}, err
	case len(data) > maxSecret:
		return SecretValue{}, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: it holds more than 64KiB", errNotSecret)}
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return SecretValue{}, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: it is empty", errNotSecret)}
	}
	return NewSecretValue(text), nil
}
