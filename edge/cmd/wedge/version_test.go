package main

import (
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersionOf(t *testing.T) {
	f := func(linked string, info debug.BuildInfo, want string) {
		t.Helper()
		var out strings.Builder
		info.GoVersion = "go1.26.8"
		if err := versionOf(linked, &info).print(&out); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(out.String(), runtime.GOOS+"/"+runtime.GOARCH, "OS/ARCH")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("linked %q, -want +got:\n%s", linked, diff)
		}
	}
	set := func(kv ...string) (s []debug.BuildSetting) {
		for i := 0; i < len(kv); i += 2 {
			s = append(s, debug.BuildSetting{Key: kv[i], Value: kv[i+1]})
		}
		return s
	}

	f("", debug.BuildInfo{}, "wedge  devel\ngo     go1.26.8 OS/ARCH\n")
	f("", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "wedge  devel\ngo     go1.26.8 OS/ARCH\n")
	f("", debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}}, "wedge  v0.1.0\ngo     go1.26.8 OS/ARCH\n")
	f("v0.2.0", debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}}, "wedge  v0.2.0\ngo     go1.26.8 OS/ARCH\n")
	f("v1", debug.BuildInfo{Settings: set("vcs.revision", "c0ffee", "vcs.modified", "false")},
		"wedge   v1\ncommit  c0ffee\ngo      go1.26.8 OS/ARCH\n")
	f("v1", debug.BuildInfo{Settings: set("vcs.revision", "c0ffee", "vcs.modified", "true")},
		"wedge   v1\ncommit  c0ffee, modified\ngo      go1.26.8 OS/ARCH\n")
	f("v1", debug.BuildInfo{Deps: []*debug.Module{
		{Path: "github.com/coocood/freecache", Version: "v1.2.7"},
		{Path: "github.com/valyala/fasthttp", Version: "v1.77.0", Replace: &debug.Module{Path: "../fasthttp", Version: "v1.99.0"}},
		{Path: "github.com/valyala/bytebufferpool", Version: "v1.0.0"},
		{Path: "github.com/tetratelabs/wazero", Version: "v1.12.0"},
	}}, "wedge      v1\ngo         go1.26.8 OS/ARCH\nwazero     v1.12.0\nfasthttp   v1.99.0\nfreecache  v1.2.7\n")
}

// fullDisk fails as stdout does when it is redirected to a full disk.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAnswerThatCannotBeWritten(t *testing.T) {
	f := func(args ...string) {
		t.Helper()
		var stderr strings.Builder
		if code := run(args, nil, fullDisk{}, &stderr); code != exitFailed {
			t.Errorf("%q on a full disk: exit code %d, want %d", args, code, exitFailed)
		}
		if want := "wedge: error: no space left on device\n"; stderr.String() != want {
			t.Errorf("%q on a full disk: stderr %q, want %q", args, stderr.String(), want)
		}
	}
	f("version")
	f("version", "--json")
}
