package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
	"github.com/wedgecdn/wedge/edge/config"
)

// advise gives a hint to an error that came from below without one: what the reader can do is known here, where it is
// known which node was asked and who named it.
func (c *command) advise(err error) error {
	var hinted *hintedError
	if err == nil || errors.As(err, &hinted) {
		return err
	}
	at := c.asked
	if at == nil {
		at = &place{from: "nobody"}
	}
	var problems config.Errors
	if errors.As(err, &problems) {
		return err // each has its own
	}
	var refused *admin.Error
	var unreachable *client.Unreachable
	var broken *client.Broken
	var foreign *client.Foreign
	var file *fs.PathError
	switch {
	case errors.As(err, &refused):
		return hint(err, "%s", c.nextStep(refused, at))
	case errors.As(err, &unreachable):
		return hint(err, `the address is from %s; "wedge serve --config %s" starts a node, --node says where another is`, at.from, defaultConfig)
	case errors.As(err, &foreign):
		return hint(err, "the address is from %s; --node wants that of the operators' API, admin.listen of the configuration, and not one that serves sites", at.from)
	case errors.As(err, &broken):
		return hint(err, `look with "wedge status" whether the node is well, and what was done; then try again`)
	case errors.As(err, &file):
		if errors.Is(file, fs.ErrNotExist) && err.Error() == file.Error() {
			return hint(&absentError{file}, "is the name right? a relative one begins in this folder")
		}
		return hint(err, "is the name right, and may you use it?")
	}
	return err
}

// An absentError says in plain words that a file is not there.
type absentError struct{ err *fs.PathError }

func (e *absentError) Error() string {
	dir := filepath.Dir(e.err.Path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "there is no folder " + dir // for a file to be read, or to be made
	}
	return "there is no file " + e.err.Path
}

func (e *absentError) Unwrap() error { return e.err }

// nextStep is what to do about a node's refusal: what the node says, unless this side knows better.
func (c *command) nextStep(e *admin.Error, at *place) string {
	switch e.Code {
	case admin.Unauthorized:
		if at.token == "" {
			return "no token was sent: name its file with --token-file or WEDGE_TOKEN_FILE"
		}
		return fmt.Sprintf("the token is from %s, the address from %s: do they belong together?", at.tokenFrom, at.from)
	case admin.Internal:
		if e.Request != "" {
			return fmt.Sprintf("the node's own log tells more under %s", e.Request)
		}
		return "the node's own log tells more"
	}
	if e.Hint != "" {
		return e.Hint
	}
	switch e.Code {
	case admin.Forbidden:
		return fmt.Sprintf("use a token that may do this; %s", tokenInUse(at))
	case admin.PreconditionFailed:
		return "somebody was faster: read it again, then decide again"
	case admin.Invalid:
		if len(e.Problems) > 0 {
			return "mend what is named above; nothing was changed"
		}
	case admin.TooMany, admin.Unavailable:
		return "try again in a moment"
	case admin.MethodNotAllowed:
		return `the node is of another version: compare "wedge version" with "wedge status"`
	}
	return "the command's --help says what it takes"
}

func tokenInUse(at *place) string {
	if at.token == "" {
		return "none was sent"
	}
	return "this one is from " + at.tokenFrom
}
