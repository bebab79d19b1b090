package project

import "testing"

func TestMention(t *testing.T) {
	dir := t.TempDir()
	p := &Project{Dir: dir, Language: C}
	err := write(dir, []file{
		{"main.c", "#include \"wedge.h\"\nint elsewhere_f(void);\n\tputs(\"x\");\n"},
		{"more/far.h", "// the module \"elsewhere\"\r\n"},
		{"notes.txt", "nowhere\n"},
		{"sdk/wedge/wedge.h", "int other(void);\n"},
		{".wedge/x.c", "int other(void);\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(want string, words ...string) {
		t.Helper()
		if got := p.Mention(words...); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
	f("more/far.h:1", "elsewhere")
	f("main.c:3", "puts")
	f("main.c:3", "nothing", "puts", "elsewhere")
	f("", "nowhere") // no source
	f("", "other")   // the SDK's
	f("", "put")     // no whole word
	f("", "", "(")
	f("main.c:2", "elsewhere_f")
	p.Language = Rust
	f("", "puts")
}
