package project

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const sdk = "../../../../../sdk"

// needs skips the test if the compiler of a language is missing.
func needs(t *testing.T, l Language) {
	t.Helper()
	var missing *MissingError
	if err := Toolchain(l, ""); errors.As(err, &missing) {
		t.Skipf("%s: run .ci/tools", missing)
	} else if err != nil {
		t.Fatal(err)
	}
}

// blocks are the pieces of code of a language in an SDK's README.
func blocks(t *testing.T, l Language, word string) (code []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sdk, l.folder(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(text), "```") {
		if fence, body, _ := strings.Cut(block, "\n"); i%2 == 1 && strings.HasPrefix(fence, word+" ") {
			code = append(code, body)
		}
	}
	return code
}

// made is a project with that source.
func made(t *testing.T, l Language, source string) *Project {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "limit")
	if _, err := New(dir, Options{Language: l}); err != nil {
		t.Fatal(err)
	}
	if source != "" {
		if err := write(dir, []file{{l.source(), source}}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Open(dir)
	if err != nil || p.Language != l || p.Name != "limit" {
		t.Fatalf("%+v, %v", p, err)
	}
	return p
}

// run is a command of a test that has to succeed.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, text)
	}
}

// The tests of the README for C run natively, by whatever compiler is there.
func TestFakeInC(t *testing.T) {
	code := blocks(t, C, "c")
	if len(code) != 2 {
		t.Fatalf("%d pieces of code, want the function and its test", len(code))
	}
	p := made(t, C, "")
	if err := write(p.Dir, []file{{"main.c", code[0]}, {"main_test.c", code[1]}}); err != nil {
		t.Fatal(err)
	}
	cc := command("cc")
	if cc == nil {
		cc = command("clang")
	}
	if cc == nil {
		t.Skip("needs a compiler for C: run .ci/tools")
	}
	run(t, p.Dir, cc[0], "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-Isdk/wedge", "-o", "main_test", "main_test.c")
	run(t, p.Dir, "./main_test")
}

// What the header does with texts, natively.
func TestTextsInC(t *testing.T) {
	p := made(t, C, "")
	err := write(p.Dir, []file{{"texts_test.c", `#include "wedge.h"
#include "wedge_fake.h"

WEDGE_ON_REQUEST { return WEDGE_FAIL(wedge_s("config limit: a number, please")); }

static int differs(const char *bytes, size_t n, const char *text) {
	return !wedge_equal(wedge_base64url(wedge_bytes(bytes, n)), wedge_s(text)) || !wedge_equal(wedge_base64url_decode(wedge_s(text)), wedge_bytes(bytes, n));
}

int main(void) {
	/* RFC 4648, section 10, without padding. */
	static const char *const text[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
	static const char *const none[] = {"Zg==", "Zh", "Z", "Zm9vY", "+_8", "/w", "Zg\n", "\xc3\xa4"};
	for (size_t n = 0; n < 7; n++)
		if (differs("foobar", n, text[n]))
			return fake_failed(__FILE__, __LINE__);
	if (differs("\xfb\xff", 2, "-_8"))
		return fake_failed(__FILE__, __LINE__);
	for (size_t i = 0; i < 8; i++)
		if (wedge_is(wedge_base64url_decode(wedge_s(none[i]))))
			return fake_failed(__FILE__, __LINE__);
	fake_begin("GET", "https://shop.example/");
	if (on_request() != 2 || strcmp(fake.log, "error: on_request: config limit: a number, please (texts_test.c:4)\n") != 0)
		return fake_failed(__FILE__, __LINE__);
	fake.fact[WEDGE_FACT_ADDRESS] = "2001:db8:0:1:ffff::8";
	if (!wedge_equal(wedge_client(WEDGE_FACT_NETWORK), wedge_s("2001:db8:0:1::/64")))
		return fake_failed(__FILE__, __LINE__);
	fake.fact[WEDGE_FACT_ADDRESS] = "::ffff:192.0.2.1";
	return wedge_equal(wedge_client(WEDGE_FACT_NETWORK), wedge_s("192.0.2.1")) ? 0 : fake_failed(__FILE__, __LINE__);
}
`}})
	if err != nil {
		t.Fatal(err)
	}
	cc := command("cc")
	if cc == nil {
		t.Skip("needs a compiler for C: run .ci/tools")
	}
	run(t, p.Dir, cc[0], "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-Isdk/wedge", "-o", "texts_test", "texts_test.c")
	run(t, p.Dir, "./texts_test")
}

// The crate's own tests run natively. Warnings are errors, in 1.63 as well. Those of its README are typed by TestDocs.
func TestRustNatively(t *testing.T) {
	needs(t, Rust)
	rustc := rustc()[0]
	p := made(t, Rust, "")
	common := []string{"--edition=2021", "-Dwarnings", "-Cdebuginfo=0"}
	run(t, p.Dir, rustc, append(common, "--test", "--crate-name=wedge", "-o", "crate_test", "sdk/wedge/src/lib.rs")...)
	run(t, p.Dir, "./crate_test")
}

func TestOtherCrates(t *testing.T) {
	f := func(manifest, want string) {
		t.Helper()
		if got := strings.Join(otherCrates(manifest), " "); got != want {
			t.Errorf("%q: %q, want %q", manifest, got, want)
		}
	}
	f("[package]\nname = \"x\"\n[dependencies]\nwedge = { path = \"sdk/wedge\" }\n\n[profile.release]\nlto = true\n", "")
	f("[dependencies]\nserde = \"1\" # x\nwedge = \"0\"\n", "serde")
	f("[dependencies.wedge]\npath = \"x\"\n[dependencies.serde]\nversion = \"1\"\n", "serde")
	f("[dev-dependencies]\nproptest = \"1\"\n", "")
	for _, m := range manifests[Rust] {
		f(m.text, "")
	}
}
