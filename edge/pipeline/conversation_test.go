package pipeline

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write what the conversations in testdata say now")

// TestConversations plays the golden conversations in testdata/*.txt: the real
// pipeline and cache, a fake origin, fake functions and fake time. A file is a
// list of blocks between empty lines:
//
//	# prose, until an empty line
//
//	command argument...
//	more lines of input
//	----
//	what the world says to it
//
// The commands are the methods of world below.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations: ", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.advance = func(d time.Duration) {
					time.Sleep(d)
					synctest.Wait()
				}
				got = w.play(string(src))
			})
			if *rewrite {
				if err := os.WriteFile(file, got, 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got, src) {
				t.Errorf("%s says something else now; run go test ./edge/pipeline -rewrite and read the difference:\n%s", file, diff(string(src), string(got)))
			}
		})
	}
}

func (w *world) play(src string) []byte {
	var out bytes.Buffer
	for i, block := range strings.Split(strings.TrimRight(src, "\n"), "\n\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		if strings.HasPrefix(block, "#") {
			out.WriteString(block + "\n")
			continue
		}
		input, _, _ := strings.Cut(block+"\n", "----\n")
		input = strings.TrimRight(input, "\n")
		head, rest, _ := strings.Cut(input, "\n")
		out.WriteString(input + "\n----\n")
		answer := w.do(head, rest)
		out.WriteString(answer)
	}
	return out.Bytes()
}

// do carries out one command.
func (w *world) do(head, input string) string {
	words := strings.Fields(head)
	var b strings.Builder
	switch words[0] {
	case "site":
		w.site(words[1:], input)
	case "function":
		w.function(words[1], input)
	case "origin":
		w.origin(words[1:], input)
	case "request":
		w.request(&b, words[1:], input)
	case "start":
		w.start(words[1], words[2:], input)
	case "finish":
		w.finish(&b, words[1])
	case "go":
		w.letGo(words[1])
	case "advance":
		w.advance(duration(w.t, words[1]))
	case "purge":
		w.purge(&b, words[1:])
	case "push":
		w.push(&b, words[1:], input)
	case "explain":
		w.explain(&b, words[1:], input)
	default:
		w.t.Fatalf("no command %q", words[0])
	}
	if b.Len() == 0 {
		return "ok\n"
	}
	return b.String()
}

// diff shows the lines in which two texts differ, with the lines before.
func diff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out strings.Builder
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			fmt.Fprintf(&out, "line %d\n-%s\n+%s\n", i+1, x, y)
			if out.Len() > 2000 {
				break
			}
		}
	}
	return out.String()
}
