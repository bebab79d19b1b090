package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// A line is what the tour reads of a line of the access log.
type line struct {
	ID        string
	Path      string
	Status    int
	Outcome   string
	Reason    string
	Collapsed bool
	Functions []struct {
		Name     string
		Hook     string
		Fuel     int64
		CPU      int64 `json:"cpu_us"`
		Answered bool
		Failed   string
	}
}

// accessLog reads the node's access log as it grows. It belongs to one goroutine.
type accessLog struct {
	file  string
	read  int64 // how many bytes of it have been understood
	lines map[string]*line
}

// patience is how long a line may take: the node gathers lines for at most 100 ms.
const patience = 3 * time.Second

// find waits until the log has all of these ids.
func (a *accessLog) find(ctx context.Context, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := a.grow(); err != nil {
			return err
		}
		missing := 0
		for _, id := range ids {
			if a.lines[id] == nil {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the access log %s lacks %d of %d requests", a.file, missing, len(ids))
		}
	}
}

// grow reads the whole lines that have been added.
func (a *accessLog) grow() error {
	f, err := os.Open(a.file)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, a.read, 64<<20))
	if err != nil {
		return err
	}
	for {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			return nil
		}
		var l line
		if err := json.Unmarshal(b[:end], &l); err != nil {
			return fmt.Errorf("the access log: %w", err)
		}
		a.lines[l.ID] = &l
		a.read += int64(end) + 1
		b = b[end+1:]
	}
}
