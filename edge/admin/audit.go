package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// A record is one line of the audit log: who did what to which thing, and how
// it ended. It holds no value of a store, no module and no secret; a key of a
// store, which may be one, stands as its hash, a URL without its query.
type record struct {
	Time    time.Time `json:"time"`
	Request string    `json:"request"`
	Token   string    `json:"token"`
	Peer    string    `json:"peer"`
	Action  string    `json:"action"`
	Owner   string    `json:"owner,omitempty"`
	Object  string    `json:"object,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Status  int       `json:"status"`
	// Result is "ok" or the code of the failure.
	Result string `json:"result"`
}

// record writes the line of a call.
func (c *call) record(status int, fail *Error) error {
	r := record{
		Time: c.s.opt.Now().UTC(), Request: c.id, Token: c.token(), Peer: c.peer, Action: c.o.id,
		Owner: c.owner, Object: cut(c.object, 512), Detail: cut(c.detail, 512), Status: status, Result: "ok",
	}
	if fail != nil {
		r.Result = string(fail.Code)
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic("BUG: an audit record cannot be written: " + err.Error())
	}
	return c.s.audit.append(append(b, '\n'))
}

// An auditLog is a file of lines that are on disk when append returns. A file
// that would get larger than max is renamed to its name with .1, that one to
// .2, and so on up to keep.
//
// States: well (failed is nil), failed (the last line could not be written;
// healthy tries to open the file anew), closed. mu guards all.
//
// INVARIANT: file is open and size is its length, if the log is well.
type auditLog struct {
	path string
	max  int64
	keep int

	mu     sync.Mutex
	file   *os.File
	size   int64
	failed error
	closed bool
}

func openAudit(path string, max int64, keep int) (*auditLog, error) {
	l := &auditLog{path: path, max: max, keep: keep}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

// open opens the file and ends a line that was cut by the end of a process.
// Preconditions: l.mu is held, or nobody else has l.
func (l *auditLog) open() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	l.file = f
	if err := l.mend(); err != nil {
		f.Close()
		l.file = nil
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

func (l *auditLog) mend() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	l.size = info.Size()
	if l.size == 0 {
		return syncFolder(l.path) // it may have been made just now
	}
	var last [1]byte
	if _, err := l.file.ReadAt(last[:], l.size-1); err != nil || last[0] == '\n' {
		return err
	}
	l.size++
	if _, err := l.file.Write([]byte{'\n'}); err != nil {
		return err
	}
	return l.file.Sync()
}

// healthy tells whether the next line can be expected to be written.
func (l *auditLog) healthy() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	if l.failed == nil {
		return nil
	}
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	l.failed = l.open()
	return l.failed
}

var errClosed = errors.New("audit log: it is closed")

// append writes one line, which ends with a line end, and syncs it.
func (l *auditLog) append(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	if l.failed != nil {
		return l.failed
	}
	l.failed = l.write(line)
	return l.failed
}

func (l *auditLog) write(line []byte) error {
	if l.size > 0 && l.size+int64(len(line)) > l.max {
		if err := l.rotate(); err != nil {
			return fmt.Errorf("audit log: rotate: %w", err)
		}
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

// rotate renames the files and begins a new one. If the process ends between
// two renames, no line is lost: a number is missing.
func (l *auditLog) rotate() error {
	for i := l.keep - 1; i >= 0; i-- {
		err := os.Rename(l.numbered(i), l.numbered(i+1))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	l.file.Close() // every line in it has been synced
	l.file = nil
	return l.open()
}

func (l *auditLog) numbered(i int) string {
	if i == 0 {
		return l.path
	}
	return l.path + "." + strconv.Itoa(i)
}

func (l *auditLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// syncFolder makes a file's name last.
func syncFolder(file string) error {
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
