package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestConfirm(t *testing.T) {
	f := func(typed string, yes, asks bool, wantErr, wantAsked string) {
		t.Helper()
		var stderr strings.Builder
		c := &command{stdin: strings.NewReader(typed), stderr: &stderr, asks: asks}
		err := c.confirm(yesFlag{yes}, "delete %s", "all")
		if got := errText(err); got != wantErr || stderr.String() != wantAsked {
			t.Errorf("typed %q: error %q, asked %q; want %q, %q", typed, got, stderr.String(), wantErr, wantAsked)
		}
		if err != nil && !hasHint(err) {
			t.Errorf("typed %q: no hint", typed)
		}
	}
	const question = "wedge: delete all? [y/N] "
	f("y\n", false, true, "", question)
	f("YES\r\n", false, true, "", question)
	f(" yes", false, true, "", question)
	f("\n", false, true, "did not delete all", question)
	f("", false, true, "did not delete all", question)
	f("n\n", false, true, "did not delete all", question)
	f("yesterday\n", false, true, "did not delete all", question)
	f(strings.Repeat("y", 1000), false, true, "did not delete all", question)
	f("n\n", true, true, "", "")
	f("", true, false, "", "")
	f("y\n", false, false, "cannot ask whether to delete all", "")
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestConfirmUnreadable(t *testing.T) {
	broken := errors.New("the line is dead")
	c := &command{stdin: iotest.ErrReader(broken), stderr: &strings.Builder{}, asks: true}
	if err := c.confirm(yesFlag{}, "delete"); !errors.Is(err, broken) {
		t.Errorf("confirm on a broken terminal: %v", err)
	}
}

func TestIsTerminal(t *testing.T) {
	f := func(what string, stream any, want bool) {
		t.Helper()
		if got := isTerminal(stream); got != want {
			t.Errorf("%s: isTerminal is %v, want %v", what, got, want)
		}
	}
	open := func(name string, flag int) *os.File {
		t.Helper()
		file, err := os.OpenFile(name, flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	closed := open(os.DevNull, os.O_RDONLY)
	closed.Close()
	f("a buffer", &strings.Builder{}, false)
	f("nothing", nil, false)
	f("no file", (*os.File)(nil), false)
	f("a file", open(filepath.Join(t.TempDir(), "file"), os.O_CREATE|os.O_RDWR), false)
	f("a pipe", r, false)
	f("the null device", open(os.DevNull, os.O_RDWR), false)
	f("a closed file", closed, false)
	if _, err := os.Stat("/dev/ptmx"); err == nil {
		f("a pseudo terminal", open("/dev/ptmx", os.O_RDWR), true)
	}
}
