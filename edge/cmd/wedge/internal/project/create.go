package project

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// templates has a folder for each template: its source in each language, a conversation that the function has to hold in all of them, and a text
// about it for the README.
//
//go:embed templates
var templates embed.FS

// TemplatesOf lists those that there are in a language.
func TemplatesOf(l Language) (names []string) {
	for _, name := range Templates() {
		if _, err := fs.Stat(templates, "templates/"+name+"/"+inTemplate[l]); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// inTemplate is a template's source in each language.
var inTemplate = map[Language]string{Go: "main.go.tmpl", Rust: "lib.rs", AssemblyScript: "index.ts", C: "main.c", JavaScript: "handler.js", TypeScript: "handler.ts"}

// DefaultTemplate is what New takes if nothing is said.
const DefaultTemplate = "blank"

// Templates lists the names of the templates.
func Templates() (names []string) {
	entries, err := templates.ReadDir("templates")
	if err != nil {
		panic("BUG: no templates: " + err.Error())
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Options say what New makes.
type Options struct {
	Language Language
	Template string // "" is DefaultTemplate
}

// ErrNotEmpty says that the folder holds something already.
var ErrNotEmpty = errors.New("the folder is not empty")

// nameForm is what a function on a node may be called, without the owner.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Name is the function's name that a folder stands for.
func Name(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name := filepath.Base(abs)
	if !nameForm.MatchString(name) {
		return "", fmt.Errorf("%q is not a name for a function: 1 to 63 of a-z, 0-9 and -", name)
	}
	return name, nil
}

// New makes the folder dir, which must not be there or be empty, and returns the files that the author is going to look at.
func New(dir string, o Options) (written []string, err error) {
	name, err := Name(dir)
	if err != nil {
		return nil, err
	}
	if o.Template == "" {
		o.Template = DefaultTemplate
	}
	if !slices.Contains(TemplatesOf(o.Language), o.Template) {
		return nil, fmt.Errorf("there is no template %q in %s", o.Template, o.Language)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNotEmpty)
	}
	files, err := projectFiles(name, o)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		written = append(written, f.name)
	}
	for _, f := range sdkFiles(o.Language) {
		files = append(files, file{sdkFolder + "/" + f.name, f.text})
	}
	return written, write(dir, files)
}

// sdkFolder is where a project has its SDK. The last part is the name under which AssemblyScript imports it.
const sdkFolder = "sdk/wedge"

// conversation is the file that says what the function has to answer.
const conversation = "function.cases"

func projectFiles(name string, o Options) ([]file, error) {
	read := func(base string) (string, error) {
		b, err := fs.ReadFile(templates, "templates/"+o.Template+"/"+base)
		return string(b), err
	}
	source, err := read(inTemplate[o.Language])
	if err != nil {
		return nil, err
	}
	text, talk, readme := "about.md", conversation, readme
	if o.Language.Handler() {
		text, talk, readme = "handler.md", "handler.cases", handlerReadme
	}
	about, err := read(text)
	if err != nil {
		return nil, err
	}
	cases, err := read(talk)
	if err != nil {
		return nil, err
	}
	before := ""
	if o.Language == AssemblyScript {
		before = "npm install                        # once: it brings the compiler\n"
	}
	fill := strings.NewReplacer("{{before}}", before, "{{name}}", name, "{{about}}", strings.TrimSpace(about), "{{source}}", o.Language.source(), "{{toolchain}}", install[o.Language])
	files := []file{
		{o.Language.source(), source},
		{conversation, cases},
		{"README.md", fill.Replace(readme)},
		{".gitignore", "*.wasm\n/.wedge/\n/target/\n/node_modules/\n/wedge-data/\n"},
	}
	for _, f := range manifests[o.Language] {
		files = append(files, file{f.name, fill.Replace(f.text)})
	}
	return files, nil
}

// manifests are what the language's own tools want.
var manifests = map[Language][]file{
	Go: {{"go.mod", "module {{name}}\n\ngo 1.26\n\nrequire github.com/wedgecdn/wedge/sdk/go v0.0.0\n\nreplace github.com/wedgecdn/wedge/sdk/go => ./sdk/wedge\n"}},
	Rust: {{"Cargo.toml", `[package]
name = "{{name}}"
version = "0.1.0"
edition = "2021"
publish = false

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
wedge = { path = "sdk/wedge" }

[profile.release]
opt-level = "s"
lto = true
codegen-units = 1
panic = "abort"
strip = true
`}},
	AssemblyScript: {
		{"package.json", `{
  "name": "{{name}}",
  "private": true,
  "type": "module",
  "dependencies": {
    "assemblyscript": "^0.28.0",
    "wedge": "file:sdk/wedge"
  }
}
`},
		{"tsconfig.json", `{
  "extends": "assemblyscript/std/assembly.json",
  "include": ["./*.ts"]
}
`},
	},
	JavaScript: {{"package.json", `{
  "name": "{{name}}",
  "private": true,
  "type": "module",
  "dependencies": {
    "@fastly/js-compute": "^3.46.0"
  }
}
`}},
	TypeScript: {
		{"package.json", `{
  "name": "{{name}}",
  "private": true,
  "type": "module",
  "dependencies": {
    "@fastly/js-compute": "^3.46.0"
  },
  "devDependencies": {
    "typescript": "^5.9.0"
  }
}
`},
		{"tsconfig.json", `{
  "compilerOptions": {
    "target": "es2022",
    "module": "es2022",
    "moduleResolution": "bundler",
    "lib": ["es2023"],
    "types": ["@fastly/js-compute"],
    "strict": true,
    "noEmit": true,
    "skipLibCheck": true
  },
  "include": ["src"]
}
`},
	},
	C: {{"compile_flags.txt", "--target=wasm32\n-Isdk/wedge\n-Wall\n"}},
}

const readme = `# {{name}}

{{about}}

` + "```" + `
{{before}}wedge dev                          # a node with it on http://127.0.0.1:7676; save a file, and the next request runs that
wedge function build               # {{name}}.wasm, with {{toolchain}}
wedge function test                # holds it against function.cases, on a node of its own
wedge function deploy {{name}} {{name}}.wasm
` + "```" + `

` + "`{{source}}`" + ` is the function, ` + "`function.cases`" + ` says what it has to answer, ` + "`sdk/wedge`" + ` is the SDK, with its own README. A site of ` + "`wedge.yaml`" + ` binds it:

` + "```yaml" + `
functions:
  - name: {{name}}                  # no module: it comes by wedge function deploy
sites:
  - hosts: ["shop.example"]
    origin: shop
    functions: [{{name}}]
` + "```" + `
`

const handlerReadme = `# {{name}}

{{about}}

` + "```" + `
npm install                        # once: it brings the engine and its command line; nothing afterwards needs a network
wedge dev                          # a node with it on http://127.0.0.1:7676; save a file, and the next request runs that
wedge function build               # {{name}}.wasm, with {{toolchain}}
wedge function test                # holds it against function.cases, on a node of its own
wedge function deploy {{name}} {{name}}.wasm
` + "```" + `

` + "`{{source}}`" + ` is the function, ` + "`function.cases`" + ` says what it has to answer. It answers requests by itself, as a program for Fastly Compute does: a site of
` + "`wedge.yaml`" + ` has it as its handler, and what it fetches goes through the node's cache. The backend ` + "`origin`" + ` is the origin of that name, the value ` + "`settings.name`" + ` of
` + "`config`" + ` is the item ` + "`name`" + ` of the config store ` + "`settings`" + `; secrets are named in the same way.

` + "```yaml" + `
functions:
  - name: {{name}}                  # no module: it comes by wedge function deploy
    fetch: [origin]
origins:
  - name: origin
    servers: [{url: "http://127.0.0.1:9000"}]
sites:
  - hosts: ["shop.example"]
    origin: origin
    handler: {{name}}
` + "```" + `

Each request meets the program as it was built: what it keeps in variables is gone with the response.
`
