package admin

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxMessage bounds the message of an upload, in bytes.
const maxMessage = 1 << 10

// maxLogs is how many lines an answer has at most.
const maxLogs = 1000

func (c *call) functionList() (any, error) {
	owner := c.owner
	if c.yes("all") {
		if c.who.owner != "" {
			return nil, &Error{Code: Forbidden, Field: "all", Message: fmt.Sprintf("token %s is one of owner %s", c.who.name, c.who.owner), Hint: "leave all out, or use the operator's token"}
		}
		owner = ""
	}
	return FunctionList{c.s.opt.Functions.List(owner)}, nil
}

// named finds the function that the path names.
func (c *call) named() (Function, error) {
	name := c.path["name"]
	f, ok := c.s.opt.Functions.Named(c.owner, name)
	if !ok {
		var names []string
		for _, f := range c.s.opt.Functions.List(c.owner) {
			names = append(names, f.Name)
		}
		return f, &Error{Code: NotFound, Field: "name", Message: fmt.Sprintf("owner %s has no function %q", c.owner, name), Hint: suggest(name, "functions of "+c.owner, names)}
	}
	return f, nil
}

func (c *call) functionShow() (any, error) {
	f, err := c.named()
	if err != nil {
		return nil, err
	}
	return f, nil
}

// uploaded refuses a function whose module is a file of the configuration:
// there, the file says which version runs.
func uploaded(f Function) error {
	if f.Source != FromFile {
		return nil
	}
	return &Error{Code: Conflict, Field: "name", Message: fmt.Sprintf("the module of function %s is a file that wedge.yaml names", f.Name),
		Hint: "replace that file and reload, or take the line module: away from the function and deploy it"}
}

// namedUpload finds the function that the path names, if its versions are uploads.
func (c *call) namedUpload() (Function, error) {
	f, err := c.named()
	if err == nil {
		err = uploaded(f)
	}
	return f, err
}

func (c *call) functionDeploy() (any, error) {
	d := Deploy{Owner: c.owner, Name: c.path["name"], Activate: c.yes("activate"), Message: c.query["message"], By: c.who.name}
	if len(d.Message) > maxMessage {
		return nil, &Error{Code: BadRequest, Field: "message", Message: fmt.Sprintf("the message has %d bytes", len(d.Message)), Hint: fmt.Sprintf("use at most %d", maxMessage)}
	}
	if !utf8.ValidString(d.Message) || strings.ContainsFunc(d.Message, unicode.IsControl) {
		return nil, &Error{Code: BadRequest, Field: "message", Message: "the message is not one line of UTF-8 text", Hint: "leave out line ends and control characters"}
	}
	var err error
	if d.Canary, err = c.uploadCanary(); err != nil {
		return nil, err
	}
	if d.Shadow = c.query["shadow"]; d.Canary != nil || d.Shadow != "" {
		if err := alone(d.Shadow, d.Canary); err != nil {
			return nil, err
		}
		if !d.Activate {
			return nil, &Error{Code: BadRequest, Field: "activate", Message: "what is tried out runs, for some or on copies", Hint: "leave out activate, or canary and shadow"}
		}
		d.Activate = false
	}
	if f, ok := c.s.opt.Functions.Named(d.Owner, d.Name); ok {
		if err := uploaded(f); err != nil {
			return nil, err
		}
	}
	leave, err := c.upload()
	if err != nil {
		return nil, err
	}
	defer leave()
	if d.Module, err = c.bytes(); err != nil {
		return nil, err
	}
	if len(d.Module) == 0 {
		return nil, &Error{Code: Invalid, Message: "the body is empty", Hint: "send the wasm module as the body"}
	}
	done, err := c.s.opt.Functions.Deploy(c.r.Context(), d)
	return c.ran(done, err)
}

// ran notes which version a call made run.
func (c *call) ran(d Deployed, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	c.detail = "version " + d.Version.Hash
	switch {
	case d.Canary != nil && d.Canary.Version == d.Version.Hash:
		c.detail += strings.TrimSuffix(", canary "+d.Canary.Share+" "+d.Canary.Header, " ")
	case d.Shadow != nil && d.Shadow.Version == d.Version.Hash:
		c.detail += ", shadow " + d.Shadow.Share
	case !d.Active:
		c.detail += ", not active"
	}
	return d, nil
}

func (c *call) functionActivate() (any, error) {
	f, err := c.namedUpload()
	if err != nil {
		return nil, err
	}
	in, err := decode[ActivateRequest](c)
	if err != nil {
		return nil, err
	}
	q, err := canary(CanaryRequest{Share: in.Canary, Header: in.CanaryHeader, Cookie: in.CanaryCookie, RollbackOn: in.RollbackOn, Window: time.Duration(in.RollbackWindow), Calls: in.RollbackCalls})
	if err == nil {
		err = alone(in.Shadow, q)
	}
	if err != nil {
		return nil, err
	}
	done, err := c.s.opt.Functions.Activate(c.r.Context(), Activate{Owner: c.owner, Name: f.Name, Version: in.Version, By: c.who.name, Canary: q, Shadow: in.Shadow})
	return c.ran(done, err)
}

func (c *call) functionRollback() (any, error) {
	f, err := c.namedUpload()
	if err != nil {
		return nil, err
	}
	done, err := c.s.opt.Functions.Rollback(c.r.Context(), c.owner, f.Name)
	return c.ran(done, err)
}

func (c *call) functionDisable() (any, error) { return c.functionSwitch(true) }
func (c *call) functionEnable() (any, error)  { return c.functionSwitch(false) }

func (c *call) functionSwitch(disabled bool) (any, error) {
	f, err := c.named()
	if err != nil {
		return nil, err
	}
	if err := c.s.opt.Functions.SetDisabled(c.r.Context(), c.owner, f.Name, disabled); err != nil {
		return nil, err
	}
	return Switched{c.owner, f.Name, disabled}, nil
}

func (c *call) functionDelete() (any, error) {
	f, err := c.namedUpload()
	if err != nil {
		return nil, err
	}
	if err := c.s.opt.Functions.Delete(c.r.Context(), c.owner, f.Name); err != nil {
		return nil, err
	}
	return Deleted{true}, nil
}

func (c *call) functionLogs() (any, error) {
	f, err := c.named()
	if err != nil {
		return nil, err
	}
	lines, cursor := c.s.opt.Functions.Logs(c.owner, f.Name, c.count("after"), c.limit(maxLogs))
	return LogPage{lines, cursor}, nil
}
