package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// What concerns the whole node: configuration, status, monitors' pages.

func (c *call) configShow() (any, error) {
	answer := ConfigShown{File: c.s.opt.ConfigFile, YAML: string(c.s.opt.Config.Show())}
	if answer.File != "" {
		// A file that has gone is no reason to hide what is in effect.
		if f, err := readConfigFile(answer.File); err == nil {
			answer.ETag = f.etag()
			c.w.Header().Set("ETag", answer.ETag)
		}
	}
	return answer, nil
}

func (c *call) configApply() (any, error) {
	c.object = c.s.opt.ConfigFile
	dry := c.yes("dry_run")
	c.unrecorded = dry
	text, err := c.bytes()
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(string(text)) == "" {
		return nil, &Error{Code: Invalid, Message: "the body is empty", Hint: "send the whole wedge.yaml as the body"}
	}
	c.s.applying.Lock()
	defer c.s.applying.Unlock()
	changes, err := c.s.opt.Config.Check(text)
	if err != nil {
		return nil, err
	}
	answer := ConfigApplied{Changes: changes}
	for _, ch := range changes {
		if ch.Restart {
			answer.Restart = append(answer.Restart, ch.Path)
		}
	}
	match := c.r.Header.Get("If-Match")
	if dry && match == "" {
		return answer, nil
	}
	if c.s.opt.ConfigFile == "" {
		return nil, &Error{Code: Conflict, Message: "this node was started without a configuration file", Hint: "start it with wedge serve --config FILE"}
	}
	f, err := readConfigFile(c.s.opt.ConfigFile)
	if err != nil {
		return nil, unwritable(err)
	}
	if match != "" && match != "*" && match != f.etag() {
		return nil, &Error{Code: PreconditionFailed, Field: "If-Match", Message: "the configuration file is another one by now", Hint: "look at it, and apply your change to what it is now"}
	}
	if dry {
		return answer, nil
	}
	if err := f.replace(text); err != nil {
		return nil, unwritable(err)
	}
	if err := c.s.opt.Config.Reload(c.r.Context()); err != nil {
		c.detail = "put back"
		if failed := f.restore(); failed != nil {
			c.detail = "not put back"
			return nil, fmt.Errorf("reload: %v; %w", err, failed) // not the caller's business alone
		}
		return nil, err
	}
	answer.Applied, answer.Kept = true, f.kept()
	c.detail = fmt.Sprintf("%d changes", len(changes))
	return answer, nil
}

// unwritable turns the errors of files that the operator can mend into words.
func unwritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "read-only file system") {
		return &Error{Code: Conflict, Message: "the configuration file cannot be replaced: " + err.Error(), Hint: "let the node's user write the file and its folder, or change the file yourself and send SIGHUP"}
	}
	return err
}

func (c *call) status() (any, error) {
	st := c.s.opt.Health.Status(c.who.owner)
	st.UptimeSeconds = c.s.opt.Now().Sub(st.Started).Seconds()
	st.Ready = c.s.opt.Health.Ready() == nil
	return st, nil
}

func (c *call) healthz() (any, error) { return Check{OK: true}, nil }

func (c *call) readyz() (any, error) {
	if err := c.s.opt.Health.Ready(); err != nil {
		return Check{Reason: err.Error()}, &Error{Code: Unavailable, Message: err.Error()}
	}
	return Check{OK: true}, nil
}

func (c *call) metrics() (any, error) {
	c.soon()
	c.s.opt.Metrics.ServeHTTP(c.w, c.r)
	if c.w.status == 0 {
		c.w.WriteHeader(http.StatusOK)
	}
	return nil, nil
}

func (c *call) openAPI() (any, error) {
	c.soon()
	c.w.Header().Set("Content-Type", mediaJSON)
	c.w.Write(c.s.page())
	return nil, nil
}
