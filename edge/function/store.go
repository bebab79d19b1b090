package function

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// format is the version of the folder's layout.
const format = 1

// Bounds of a store.
const (
	// DefaultKeep is how many versions of a function stay.
	DefaultKeep = 20
	// MaxMessage bounds the message of an upload, in bytes.
	MaxMessage = 1 << 10
)

// Failures that callers tell apart with errors.Is.
var (
	// ErrName says that an owner's or a function's name has not the form of one.
	ErrName = errors.New("a name is 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit")
	// ErrUnknown says that there is no such function or version.
	ErrUnknown = errors.New("no such function or version")
	// ErrFirst says that there is nothing to roll back to.
	ErrFirst = errors.New("there is no earlier version to roll back to")
	// ErrMessage says that a message is too long.
	ErrMessage = errors.New("a message has at most 1024 bytes")
)

// A Version is one uploaded module.
type Version struct {
	// Hash is the SHA-256 of the module, in hexadecimal: a version's name.
	Hash    string    `json:"hash"`
	Size    int       `json:"size"`
	ABI     string    `json:"abi"`
	Hooks   []string  `json:"hooks"`
	Created time.Time `json:"created"`
	By      string    `json:"by,omitempty"`
	Message string    `json:"message,omitempty"`
}

// A Function is what the store knows of one function.
type Function struct {
	Owner string `json:"owner"`
	Name  string `json:"name"`
	// Active is the hash of the version that runs, "" if none does.
	Active string `json:"active"`
	// Disabled is the switch for emergencies: the function is not called, and
	// its bindings do what they do when it fails.
	Disabled bool `json:"disabled"`
	// Past are the versions that were active before, the latest last.
	Past []string `json:"past"`
	// Versions are those that are kept, the newest first.
	Versions []Version `json:"versions"`
	// Canary is the version that runs for some exchanges, nil if there is none.
	Canary *Canary `json:"canary,omitempty"`
	// Shadow is the version that runs on copies of exchanges, nil if there is none.
	Shadow *Shadow `json:"shadow,omitempty"`
	// Ended is how the last canary ended.
	Ended *Ending `json:"ended,omitempty"`
}

// holds tells whether a version must stay, however many there are: one that runs,
// or that a rollback would make run.
func (f *Function) holds(hash string) bool {
	before, _, _ := f.before()
	return hash == f.Active || hash == before.Hash || f.Canary != nil && hash == f.Canary.Version || f.Shadow != nil && hash == f.Shadow.Version
}

// version finds a kept version by its hash.
func (f *Function) version(hash string) *Version {
	for i := range f.Versions {
		if f.Versions[i].Hash == hash {
			return &f.Versions[i]
		}
	}
	return nil
}

// A Store is the folder of uploaded functions. It is safe for concurrent use
// within one process; the node's lock on the data folder keeps others away.
//
// On disk: .format, and for each function OWNER/NAME/function.json, which says
// everything, and OWNER/NAME/HASH.wasm. A module is written before the file
// that names it, and removed after; whatever the file does not name is litter
// of an interrupted upload and removed when the store is opened.
type Store struct {
	dir  string
	keep int

	// mu guards functions and all writing.
	mu        sync.RWMutex
	functions map[id]*Function
}

type id struct{ owner, name string }

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// CheckName tells whether s may name an owner or a function.
func CheckName(s string) error {
	if !nameForm.MatchString(s) {
		return fmt.Errorf("%q: %w", s, ErrName)
	}
	return nil
}

// Open opens the store in a folder, making it if need be. keep is how many
// versions of a function stay; 0 is DefaultKeep.
func Open(dir string, keep int) (*Store, error) {
	if keep <= 0 {
		keep = DefaultKeep
	}
	s := &Store{dir: dir, keep: keep, functions: map[id]*Function{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("functions: %w", err)
	}
	if err := s.checkFormat(); err != nil {
		return nil, err
	}
	owners, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("functions: %w", err)
	}
	// What has no name of ours is none of ours: it stays, and is not looked at.
	ours := func(e os.DirEntry) bool { return e.IsDir() && CheckName(e.Name()) == nil }
	for _, o := range owners {
		if !ours(o) {
			continue
		}
		names, err := os.ReadDir(filepath.Join(dir, o.Name()))
		if err != nil {
			return nil, fmt.Errorf("functions: %w", err)
		}
		for _, n := range names {
			if !ours(n) {
				continue
			}
			if err := s.load(id{o.Name(), n.Name()}); err != nil {
				return nil, fmt.Errorf("function %s of %s: %w", n.Name(), o.Name(), err)
			}
		}
	}
	return s, nil
}

func (s *Store) checkFormat() error {
	file := filepath.Join(s.dir, ".format") // no owner's name begins so
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return writeFile(file, []byte(strconv.Itoa(format)+"\n"))
	}
	if err != nil {
		return fmt.Errorf("functions: %w", err)
	}
	if v, err := strconv.Atoi(strings.TrimSpace(string(b))); err != nil || v != format {
		return fmt.Errorf("functions: folder %s has format %q and this version of wedge knows %d: use a newer wedge, or another data folder", s.dir, strings.TrimSpace(string(b)), format)
	}
	return nil
}

// load reads one function and removes what an interrupted upload left.
func (s *Store) load(at id) error {
	dir := s.folder(at)
	b, err := os.ReadFile(filepath.Join(dir, "function.json"))
	if errors.Is(err, os.ErrNotExist) {
		return os.RemoveAll(dir) // its first upload was interrupted, or its deletion
	}
	if err != nil {
		return err
	}
	f := &Function{}
	if err := json.Unmarshal(b, f); err != nil {
		return fmt.Errorf("function.json: %w: restore the file, or remove the folder %s", err, dir)
	}
	if f.Owner != at.owner || f.Name != at.name || f.Active != "" && f.version(f.Active) == nil || f.Canary != nil && f.version(f.Canary.Version) == nil || f.Shadow != nil && f.version(f.Shadow.Version) == nil {
		return fmt.Errorf("function.json does not belong here: remove the folder %s and deploy again", dir)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range files {
		hash, isModule := strings.CutSuffix(e.Name(), ".wasm")
		if e.Name() != "function.json" && (!isModule || f.version(hash) == nil) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	s.functions[at] = f
	return nil
}

func (s *Store) folder(at id) string { return filepath.Join(s.dir, at.owner, at.name) }

// Put keeps a module as a version of a function, and makes it the active one
// if activate. What v says of the module is the caller's finding; hash, size
// and time are filled in here. A module that is kept already is not written
// again, unless its file has suffered: deploying again mends it.
func (s *Store) Put(owner, name string, module []byte, v Version, activate bool) (Version, error) {
	if err := errors.Join(CheckName(owner), CheckName(name)); err != nil {
		return v, err
	}
	if len(v.Message) > MaxMessage {
		return v, ErrMessage
	}
	sum := sha256.Sum256(module)
	v.Hash, v.Size, v.Created = hex.EncodeToString(sum[:]), len(module), time.Now().UTC().Truncate(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := id{owner, name}
	f := s.copyOf(at)
	if f == nil {
		f = &Function{Owner: owner, Name: name}
	}
	old := f.version(v.Hash)
	if old == nil || !s.intact(at, v.Hash) {
		if err := s.makeFolder(at); err != nil {
			return v, err
		}
		if err := writeFile(filepath.Join(s.folder(at), v.Hash+".wasm"), module); err != nil {
			return v, err
		}
	}
	if old != nil {
		v.Created = old.Created
		*old = v
	} else {
		f.Versions = slices.Insert(f.Versions, 0, v)
	}
	if activate {
		f.activate(v.Hash)
	}
	return v, s.save(at, f)
}

// makeFolder makes a function's folder so that its name lasts as well: what is
// synced inside a folder is lost with it.
func (s *Store) makeFolder(at id) error {
	if _, err := os.Stat(s.folder(at)); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.folder(at), 0o700); err != nil {
		return err
	}
	if err := syncFolder(filepath.Join(s.dir, at.owner)); err != nil {
		return err
	}
	return syncFolder(s.dir)
}

// activate makes a kept version the active one, for everybody: a canary ends, and
// so does a shadow, which was held against another.
func (f *Function) activate(hash string) {
	f.Shadow = nil
	if f.Canary != nil {
		f.endCanary(Replaced, "")
	}
	if f.Active == hash {
		return
	}
	if f.Active != "" {
		f.Past = append(f.Past, f.Active)
	}
	f.Active = hash
}

// find finds a kept version by its hash, or by a beginning of it of at least 8
// digits that no other version has.
func (f *Function) find(hash string) (Version, error) {
	var found *Version
	for i := range f.Versions {
		if f.Versions[i].Hash == hash || len(hash) >= 8 && strings.HasPrefix(f.Versions[i].Hash, hash) {
			if found != nil {
				return Version{}, fmt.Errorf("version %s: more than one begins so: %w", hash, ErrUnknown)
			}
			found = &f.Versions[i]
		}
	}
	if found == nil {
		return Version{}, fmt.Errorf("version %s of function %s: %w", hash, f.Name, ErrUnknown)
	}
	return *found, nil
}

// before is the kept version that was active before, and where in Past it stands.
func (f *Function) before() (Version, int, error) {
	for i := len(f.Past) - 1; i >= 0; i-- {
		if v := f.version(f.Past[i]); v != nil && f.Past[i] != f.Active {
			return *v, i, nil
		}
	}
	return Version{}, 0, fmt.Errorf("function %s: %w", f.Name, ErrFirst)
}

// Find finds a kept version by its hash, or by a beginning of it of at least 8
// digits that no other version has.
func (s *Store) Find(owner, name, hash string) (Version, error) {
	f, ok := s.Named(owner, name)
	if !ok {
		return Version{}, fmt.Errorf("function %s: %w", name, ErrUnknown)
	}
	return f.find(hash)
}

// Before is the version that Rollback would make active.
func (s *Store) Before(owner, name string) (Version, error) {
	f, ok := s.Named(owner, name)
	if !ok {
		return Version{}, fmt.Errorf("function %s: %w", name, ErrUnknown)
	}
	v, _, err := f.before()
	return v, err
}

// Activate makes a kept version the active one; hash is as for Find.
func (s *Store) Activate(owner, name, hash string) (Version, error) {
	var got Version
	err := s.change(owner, name, func(f *Function) (err error) {
		if got, err = f.find(hash); err == nil {
			f.activate(got.Hash)
		}
		return err
	})
	return got, err
}

// Rollback makes the version active that was so before, for everybody: a canary
// ends.
func (s *Store) Rollback(owner, name string) (Version, error) {
	var got Version
	err := s.change(owner, name, func(f *Function) (err error) {
		var at int
		if got, at, err = f.before(); err == nil {
			if f.Canary != nil {
				f.endCanary(Replaced, "")
			}
			f.Shadow = nil
			f.Active, f.Past = got.Hash, f.Past[:at]
		}
		return err
	})
	return got, err
}

// SetDisabled switches a function off or on. The function need not have been
// uploaded: its module may come from elsewhere.
func (s *Store) SetDisabled(owner, name string, disabled bool) error {
	if err := errors.Join(CheckName(owner), CheckName(name)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := id{owner, name}
	f := s.copyOf(at)
	if f == nil {
		f = &Function{Owner: owner, Name: name}
		if err := s.makeFolder(at); err != nil {
			return err
		}
	}
	f.Disabled = disabled
	return s.save(at, f)
}

// Delete removes a function with all its versions.
func (s *Store) Delete(owner, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := id{owner, name}
	if s.functions[at] == nil {
		return fmt.Errorf("function %s: %w", name, ErrUnknown)
	}
	// The file that says what is there goes first: what is left is litter.
	if err := os.Remove(filepath.Join(s.folder(at), "function.json")); err != nil {
		return err
	}
	if err := syncFolder(s.folder(at)); err != nil {
		return err
	}
	delete(s.functions, at)
	return os.RemoveAll(s.folder(at))
}

// Named returns a copy of what is known of a function.
func (s *Store) Named(owner, name string) (Function, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f := s.copyOf(id{owner, name})
	if f == nil {
		return Function{}, false
	}
	return *f, true
}

// List returns copies of what is known of an owner's functions, by name; of
// every owner's if owner is "".
func (s *Store) List(owner string) []Function {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []Function
	for at := range s.functions {
		if owner == "" || at.owner == owner {
			all = append(all, *s.copyOf(at))
		}
	}
	slices.SortFunc(all, func(a, b Function) int {
		return strings.Compare(a.Owner+"\x00"+a.Name, b.Owner+"\x00"+b.Name)
	})
	return all
}

// Code reads the module of a version and checks that it is what it was.
func (s *Store) Code(owner, name, hash string) ([]byte, error) {
	s.mu.RLock()
	f := s.functions[id{owner, name}]
	known := f != nil && f.version(hash) != nil
	s.mu.RUnlock()
	if !known {
		return nil, fmt.Errorf("version %s of function %s: %w", hash, name, ErrUnknown)
	}
	b, err := s.read(id{owner, name}, hash)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("version %s of function %s is missing on disk: deploy it again", hash, name)
	case err != nil:
		return nil, fmt.Errorf("version %s of function %s: %w", hash, name, err)
	case b == nil:
		return nil, fmt.Errorf("version %s of function %s has changed on disk: deploy it again", hash, name)
	}
	return b, nil
}

// read reads the module of a version; nil if it is not what it was.
func (s *Store) read(at id, hash string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(s.folder(at), hash+".wasm"))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != hash {
		return nil, nil
	}
	return b, nil
}

func (s *Store) intact(at id, hash string) bool {
	b, err := s.read(at, hash)
	return err == nil && b != nil
}

// change applies a change to a copy and keeps it if it could be written.
func (s *Store) change(owner, name string, do func(*Function) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := id{owner, name}
	f := s.copyOf(at)
	if f == nil {
		return fmt.Errorf("function %s: %w", name, ErrUnknown)
	}
	if err := do(f); err != nil {
		return err
	}
	return s.save(at, f)
}

// copyOf returns a copy that shares nothing that changes; nil if there is none.
func (s *Store) copyOf(at id) *Function {
	f := s.functions[at]
	if f == nil {
		return nil
	}
	c := *f
	c.Past, c.Versions = slices.Clone(f.Past), slices.Clone(f.Versions)
	if f.Canary != nil {
		canary := *f.Canary
		canary.Budget.Rules = slices.Clone(f.Canary.Budget.Rules)
		c.Canary = &canary
	}
	if f.Shadow != nil {
		shadow := *f.Shadow
		c.Shadow = &shadow
	}
	if f.Ended != nil {
		ended := *f.Ended
		c.Ended = &ended
	}
	return &c
}

// save drops versions that are too many, writes the function's file and only
// then removes their modules. Preconditions: s.mu is held for writing.
func (s *Store) save(at id, f *Function) error {
	var dropped []string
	for i := len(f.Versions) - 1; i >= 0 && len(f.Versions) > s.keep; i-- {
		if h := f.Versions[i].Hash; !f.holds(h) {
			dropped = append(dropped, h)
			f.Versions = slices.Delete(f.Versions, i, i+1)
		}
	}
	f.Past = slices.DeleteFunc(f.Past, func(h string) bool { return slices.Contains(dropped, h) })
	if n := len(f.Past) - s.keep; n > 0 {
		f.Past = slices.Delete(f.Past, 0, n)
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(s.folder(at), "function.json"), b); err != nil {
		return err
	}
	s.functions[at] = f
	for _, h := range dropped {
		os.Remove(filepath.Join(s.folder(at), h+".wasm")) // what stays is litter for the next Open
	}
	return nil
}
