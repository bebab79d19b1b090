package config

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestSecretValueIsNeverPrinted walks every way that the standard library and the YAML library print a value.
func TestSecretValueIsNeverPrinted(t *testing.T) {
	const text = "hunter2"
	v := NewSecretValue(text)
	type hidden struct {
		Public  SecretValue
		private SecretValue
	}
	holders := map[string]any{
		"value": v, "pointer": &v, "slice": []SecretValue{v}, "map": map[string]SecretValue{"k": v}, "any": []any{v},
		"struct": hidden{v, v}, "pointer to struct": &hidden{v, v}, "secret": Secret{File: "f", Value: v},
		"key":    map[SecretValue]int{v: 1},
		"config": Config{Admin: Admin{Operator: v, Tokens: []Token{{Value: v}}}, Functions: []Function{{Settings: Settings{Secrets: map[string]Secret{"k": {Value: v}}}}}},
		"error":  fmt.Errorf("cannot use %v", v),
	}
	leaks := func(how, name, printed string) {
		t.Helper()
		// In hexadecimal, too, in both cases, and as the bytes' decimal numbers.
		for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), "104 117 110"} {
			if strings.Contains(printed, form) {
				t.Errorf("%s of a %s shows the secret: %s", how, name, printed)
			}
		}
	}
	for name, holder := range holders {
		for verb := rune('!'); verb < 0x7f; verb++ {
			for _, flag := range []string{"", "+", "#", " ", "-", "0", "8.3", "+#"} {
				format := "%" + flag + string(verb)
				leaks(format, name, fmt.Sprintf(format, holder))
			}
		}
		leaks("Sprint", name, fmt.Sprint(holder))
		leaks("Sprintln", name, fmt.Sprintln(holder))
		j, _ := json.Marshal(holder)
		leaks("json", name, string(j))
		x, _ := xml.Marshal(holder)
		leaks("xml", name, string(x))
		y, _ := yaml.Marshal(holder)
		leaks("yaml", name, string(y))
		var g bytes.Buffer
		_ = gob.NewEncoder(&g).Encode(holder)
		leaks("gob", name, g.String())
		for _, handler := range []func(b *bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("m", "k", holder)
			leaks("slog", name, b.String())
		}
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(format, v); got != redacted {
			t.Errorf("%s prints %q, want %s", format, got, redacted)
		}
	}
	if v.Reveal() != text || !v.Loaded() || !v.Equal(NewSecretValue(text)) || v.Equal(NewSecretValue("x")) || v.Equal(SecretValue{}) {
		t.Error("the value does not hold what it was given")
	}
}

func TestLoadSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("plain", "one")
	write("line", "two\n")
	write("windows", "three\r\n")
	write("lines", "four\n\n")
	write("admin", "operator\n")
	write("ci", "ci\n")
	t.Setenv("WEDGE_TEST_SECRET", "five\n")
	c, err := Parse(filepath.Join(dir, "wedge.yaml"), []byte(`
admin: {token_file: admin, tokens: [{name: ci, file: ci, scopes: [read]}]}
origins: [{name: o, servers: [{url: http://a}]}]
functions:
  - name: f
    secrets: {plain: {file: plain}, line: {file: line}, windows: {file: windows}, lines: {file: lines}, env: {env: WEDGE_TEST_SECRET}}
sites:
  - hosts: [a]
    origin: o
    functions: [{name: f, secrets: {plain: {file: line}}}]
    routes: [{path: /, functions: []}]
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := LoadSecrets(c); err != nil {
		t.Fatal(err)
	}
	want := func(got SecretValue, text string) {
		t.Helper()
		if got.Reveal() != text {
			t.Errorf("got %q, want %q", got.Reveal(), text)
		}
	}
	f := c.Functions[0].Secrets
	want(f["plain"].Value, "one")
	want(f["line"].Value, "two")
	want(f["windows"].Value, "three")
	want(f["lines"].Value, "four\n")
	want(f["env"].Value, "five\n")
	want(c.Sites[0].Functions[0].Secrets["plain"].Value, "two")
	want(c.Sites[0].Functions[0].Secrets["windows"].Value, "three")
	want(c.Sites[0].Routes[0].Functions[0].Secrets["plain"].Value, "two")
	want(c.Admin.Operator, "operator")
	want(c.Admin.Tokens[0].Value, "ci")
	for _, printed := range []string{fmt.Sprintf("%+v", c), string(Show(c))} {
		for _, secret := range []string{"one", "two", "three", "four", "five", "operator"} {
			// "one" is a part of "none".
			if strings.Contains(strings.ReplaceAll(printed, "none", ""), secret) {
				t.Errorf("%q shows in %s", secret, printed)
			}
		}
	}
}

func TestLoadSecretsComplains(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "empty"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "large"), bytes.Repeat([]byte("hunter2"), maxSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WEDGE_TEST_EMPTY", "")
	f := func(source, want string) {
		t.Helper()
		c, err := Parse(filepath.Join(dir, "wedge.yaml"), []byte("functions: [{name: f, secrets: {k: "+source+"}}]"))
		if err != nil {
			t.Fatal(err)
		}
		var all Errors
		if err := LoadSecrets(c); !errors.As(err, &all) {
			t.Errorf("%s: no complaint", source)
			return
		}
		got := strings.ReplaceAll(all[0].Message, dir, "DIR")
		if len(all) != 1 || got != want || all[0].Hint == "" || strings.Contains(all.Text(), "hunter2") {
			t.Errorf("%s:\n got %s\nwant %s", source, all.Text(), want)
		}
	}
	f("{file: missing}", "functions.f.secrets.k: cannot read the secret: stat DIR/missing: no such file or directory")
	f("{file: empty}", "functions.f.secrets.k: cannot read the secret: read DIR/empty: not the file of a secret: it is empty")
	f("{file: large}", "functions.f.secrets.k: cannot read the secret: read DIR/large: not the file of a secret: it holds more than 64KiB")
	f("{file: .}", "functions.f.secrets.k: cannot read the secret: read DIR: not the file of a secret: it is no regular file")
	f("{env: WEDGE_TEST_EMPTY}", "functions.f.secrets.k: the environment variable WEDGE_TEST_EMPTY is empty")
	f("{env: WEDGE_TEST_MISSING}", "functions.f.secrets.k: the environment variable WEDGE_TEST_MISSING is not set")

	c := Default()
	c.Admin.TokenFile = filepath.Join(dir, "missing")
	if err := LoadSecrets(c); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "admin.token_file: ") {
		t.Errorf("admin.token_file: %v", err)
	}
}
