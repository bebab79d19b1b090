package admin

import (
	"context"
	"io"
	"time"
)

// What the API needs of a node. An error that is an *[Error] is shown to the
// user with its status; any other becomes 500 and is told to Events only.
// Owners and names have the form of names when they arrive here.

// Functions are the functions of the node, those of the configuration and
// those that were uploaded, seen as one.
type Functions interface {
	// List returns an owner's functions by name; every owner's if owner is "".
	List(owner string) []Function
	// Named returns one function; false if neither the configuration nor an
	// upload knows it.
	Named(owner, name string) (Function, bool)
	// Deploy checks a module, keeps it as a version and, if asked, makes it run.
	// It returns when requests get it. A bad module is Invalid.
	Deploy(ctx context.Context, d Deploy) (Deployed, error)
	// Activate makes a kept version run; its version may be a prefix of at least 8
	// digits.
	Activate(ctx context.Context, a Activate) (Deployed, error)
	// Promote makes the canary run for everybody; Conflict if there is none.
	Promote(ctx context.Context, owner, name string) (Deployed, error)
	// Rollback gives canary and shadow up; without any it makes the version run
	// that ran before, and if there is none, that is Conflict.
	Rollback(ctx context.Context, owner, name string) (Deployed, error)
	// Describe tells what a kept version is made of, and what it costs.
	Describe(ctx context.Context, owner, name, version string) (VersionDetail, error)
	// Test holds a kept version against conversations. Conversations that are none
	// are Invalid.
	Test(ctx context.Context, owner, name string, q TestRequest) (TestReport, error)
	// SetDisabled switches a function off or on.
	SetDisabled(ctx context.Context, owner, name string, disabled bool) error
	// Delete removes an uploaded function with all its versions.
	Delete(ctx context.Context, owner, name string) error
	// Logs returns a function's lines behind the cursor, the oldest first, at
	// most n, and the cursor behind the last of them. A cursor of 0 begins n
	// lines before the end.
	Logs(owner, name string, cursor uint64, n int) ([]LogLine, uint64)
}

// A Deploy is a module to keep.
type Deploy struct {
	Owner, Name string
	Module      []byte
	Activate    bool
	Message     string
	By          string // the name of the token
	// Canary, if it is not nil, is for whom it runs; everybody else keeps the
	// active version. Activate is false then.
	Canary *CanaryRequest
	// Shadow, if it is not "", is the share of the exchanges on whose copies it
	// runs. Activate is false then.
	Shadow string
}

// An Activate is a kept version to run.
type Activate struct {
	Owner, Name string
	Version     string
	By          string // the name of the token
	Canary      *CanaryRequest
	Shadow      string
}

// A CanaryRequest says for whom a version is tried out, and within which budget.
// The node knows the forms of the texts.
type CanaryRequest struct {
	Share  string // of the clients, as in 5%
	Header string // a field by which a request gets it, as in "X-Canary: 1"
	Cookie string // by which clients are told apart, in place of their address
	// RollbackOn are the rules of the budget; "" is none. Window and Calls are 0 for
	// the defaults.
	RollbackOn string
	Window     time.Duration
	Calls      int
}

// Cache are the stored responses.
type Cache interface {
	// Purge forgets and returns the purge's number. A URL that is none is Invalid.
	Purge(ctx context.Context, owner string, p PurgeRequest) (sequence uint64, err error)
	// Show tells what would become of a request. A URL of no site of the owner's
	// is NotFound.
	Show(ctx context.Context, owner string, q ShowRequest) (Shown, error)
	// Warm asks for each URL as a client would. What fails is in the answer of
	// that URL.
	Warm(ctx context.Context, owner string, q WarmRequest) ([]Warmed, error)
	// Debug makes a token with which a client sees the cache keys of the owner's
	// sites until end. An owner without sites is NotFound.
	Debug(owner string, end time.Time) (token string, err error)
	// Push stores a response as if the origin had given it. Why one may not be
	// stored is Conflict.
	Push(ctx context.Context, owner string, p Push) error
}

// KV are the stores. Keys are checked by whoever keeps them, and so are store
// names once more; what is refused there is Invalid, a quota that is spent is
// Conflict, a condition that does not hold is PreconditionFailed.
type KV interface {
	// Stores lists an owner's stores behind a name.
	Stores(owner, after string, limit int) ([]Store, error)
	Get(owner, store string, key []byte) (Entry, bool, error)
	Put(ctx context.Context, owner, store string, key []byte, p Put) (version uint64, err error)
	// Delete tells whether there was an entry. With ifVersion (not 0) only that
	// version is deleted.
	Delete(ctx context.Context, owner, store string, key []byte, ifVersion uint64) (existed bool, err error)
	List(owner, store string, prefix []byte, cursor string, limit int) (entries []Listed, next string, err error)
	Add(ctx context.Context, owner, store string, key []byte, delta int64, ttl time.Duration) (sum int64, version uint64, err error)
	// Drop removes a whole store and returns how many entries it had.
	Drop(ctx context.Context, owner, store string) (removed int, err error)
	// Import reads lines as Export writes them. What it did before it failed is
	// told with the error too.
	Import(ctx context.Context, owner, store string, r io.Reader) (Imported, error)
	Export(ctx context.Context, owner, store string, w io.Writer) (n int, err error)
}

// A Put is a value to store.
type Put struct {
	Value     []byte
	Metadata  []byte
	TTL       time.Duration // 0: for ever
	IfVersion uint64        // store only over this version; 0: no condition
	IfAbsent  bool          // store only if there is no entry
}

// An Entry is what a store has under a key.
type Entry struct {
	Value    []byte
	Metadata []byte
	Version  uint64
	Expires  time.Time // zero: never
}

// A Listed entry is one without its value.
type Listed struct {
	Key      []byte
	Metadata []byte
	Size     int
	Version  uint64
	Expires  time.Time // zero: never
}

// Config is the node's configuration.
type Config interface {
	// Show writes the configuration in effect as YAML, without secrets.
	Show() []byte
	// Check tells what a new text would change. A text that is wrong is Invalid,
	// with Problems.
	Check(text []byte) ([]Change, error)
	// Reload reads the file again and puts it into effect, as SIGHUP does; an
	// error means that nothing changed.
	Reload(ctx context.Context) error
}

// Health is how the node is.
type Health interface {
	// Status is what an owner may know; of every owner if owner is "".
	Status(owner string) Status
	// Ready returns nil if the node takes requests, otherwise why not (starting,
	// draining), in words for the answer of /readyz.
	Ready() error
}
