package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Options say what a server stands on. The rooms and AuditFile must be given;
// the zero value of everything else is its default.
type Options struct {
	Functions Functions
	Cache     Cache
	KV        KV
	Config    Config
	Health    Health
	Records   Records
	// Metrics answers /metrics.
	Metrics http.Handler

	// Tokens open the API; see [Server.SetTokens].
	Tokens []Token
	// Loopback says that the listener can be reached from this machine only.
	Loopback bool
	// Hosts are names under which the API is reached, beside those of loopback. Without any, a listener beyond loopback answers under
	// every name: it answers to tokens only, which a browser that was led here by DNS does not have.
	Hosts []string

	// ConfigFile is the file that PUT /v1/config replaces; "" refuses it.
	ConfigFile string
	// AuditFile is where writes are recorded.
	AuditFile string
	// AuditSize is how large that file gets, in bytes, before it is renamed to AuditFile.1; 0 is 10 MiB.
	AuditSize int64
	// AuditKeep is how many renamed files stay; 0 is 5.
	AuditKeep int

	MaxModule int64 // largest module, in bytes; 0 is 64 MiB
	MaxValue  int64 // largest value of a store, in bytes; 0 is 1 MiB
	MaxImport int64 // largest import, in bytes; 0 is 1 GiB; it is not held in memory

	// Now tells the time; nil is time.Now.
	Now    func() time.Time
	Events Events
}

// Events are told what happens; nil ones are skipped. They are called on the
// request's goroutine.
type Events struct {
	// Served: a request was answered.
	Served func(Served)
	// Refused: an attempt to get in failed; why is one of a few words of ours.
	Refused func(peer, why string)
	// Failed: a request failed for a reason that its caller was not told.
	Failed func(request, operation string, err error)
	// Bug: a handler panicked.
	Bug func(request, operation string, v any, stack []byte)
	// AuditFailed: the audit log cannot be written. Writes are refused until it can.
	AuditFailed func(err error)
}

// Served is a request that was answered.
type Served struct {
	Request   string
	Operation string // "" if there is none such
	Token     string // "" if none was needed
	Peer      string
	Status    int
	Took      time.Duration
}

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	var missing []error
	need := func(name string, there bool) {
		if !there {
			missing = append(missing, fmt.Errorf("admin: options: %s is not set", name))
		}
	}
	need("Functions", o.Functions != nil)
	need("Cache", o.Cache != nil)
	need("KV", o.KV != nil)
	need("Config", o.Config != nil)
	need("Health", o.Health != nil)
	need("Records", o.Records != nil)
	need("Metrics", o.Metrics != nil)
	need("AuditFile", o.AuditFile != "")
	preset := func(n *int64, v int64) {
		if *n <= 0 {
			*n = v
		}
	}
	preset(&o.AuditSize, 10<<20)
	preset(&o.MaxModule, 64<<20)
	preset(&o.MaxValue, 1<<20)
	preset(&o.MaxImport, 1<<30)
	if o.AuditKeep <= 0 {
		o.AuditKeep = 5
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return errors.Join(missing...)
}
