package demo

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed wedge.yaml.tmpl
var yamlText string

// tokenLife is for how long the token holds that the guide uses.
const tokenLife = 12 * time.Hour

// A folder holds the files that a node is set up with. Keys are made anew at each start; what the node has learned is in a folder of its own
// below, and stays.
type folder struct {
	path      string
	temporary bool
	lock      *os.File // held from before the first file is written

	operator string             // the token of the operators' API
	key      ed25519.PrivateKey // signs tokens of keepers
	public   []byte             // its public half, as id.pem has it
	token    string             // one that is good
	apiKey   string
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// makeFolder makes or takes the folder and writes keys and functions into it. The configuration is written once addresses are known.
func makeFolder(path string, guests map[string][]byte, now time.Time) (_ *folder, err error) {
	f := &folder{path: path}
	if path == "" {
		f.temporary = true
		if f.path, err = os.MkdirTemp("", "wedge-demo-"); err != nil {
			return nil, err
		}
	} else if f.path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.remove()
		}
	}()
	if err := os.MkdirAll(f.file("functions"), 0o700); err != nil {
		return nil, err
	}
	if err := f.take(); err != nil {
		return nil, err
	}
	f.operator, f.apiKey = secret(), secret()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	f.key, f.public = key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	f.token = tokenFor(key, "orla", now.Add(tokenLife))
	files := map[string][]byte{
		"admin.token": []byte(f.operator + "\n"), "id.pem": f.public, "keeper.token": []byte(f.token + "\n"), "keeper.apikey": []byte(f.apiKey + "\n"),
		"spin.wasm": spinner,
	}
	for name, wasm := range guests {
		files[filepath.Join("functions", name+".wasm")] = wasm
	}
	for name, b := range files {
		if err := os.WriteFile(f.file(name), b, 0o600); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// secret is what nobody can guess, in letters that need no quoting.
func secret() string {
	var b [24]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// addresses are what wedge.yaml says of the network.
type addresses struct{ HTTP, Admin, OriginA, OriginB string }

// writeConfig writes wedge.yaml and returns its path.
func (f *folder) writeConfig(a addresses) (string, error) {
	var b bytes.Buffer
	if err := template.Must(template.New("wedge.yaml").Parse(yamlText)).Execute(&b, a); err != nil {
		return "", err
	}
	name := f.file("wedge.yaml")
	return name, os.WriteFile(name, b.Bytes(), 0o600)
}

// take locks the folder: a second demo must not write over the files of one that runs.
func (f *folder) take() (err error) {
	if f.lock, err = os.OpenFile(f.file("demo.lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	err = unix.Flock(int(f.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%s is the folder of a demo that runs: stop that one, or name another folder", f.path)
	}
	return err
}

// remove gives the folder back, and deletes it if it was made for this run only.
func (f *folder) remove() {
	if f.lock != nil {
		f.lock.Close()
	}
	if f.temporary {
		os.RemoveAll(f.path)
	}
}
