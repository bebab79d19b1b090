package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A try is a line to paste into a shell.
type try struct {
	command string
	status  int // what a curl line is answered with
}

// A chapter is what one part of the node can be tried with.
type chapter struct {
	title string
	tries []try
}

// chapters are what the guide says, with addresses and files put in. The lines stand in an order in which each does what its chapter says.
func (d *Demo) chapters() []chapter {
	u, f := d.URL(), d.folder.file
	get := func(args, path string, status int) try { return try{"curl -si " + args + "'" + u + path + "'", status} }
	wedge := func(args string) try { return try{"wedge " + args, 0} }
	return []chapter{
		{"the cache: a miss, then hits (look at Cache-Status, Age and X-Origin-Request)", []try{
			get("", "/lights/", 200), get("", "/lights/", 200)}},
		{"cache-key: another spelling of a page is the same page", []try{
			get("", "/search?q=red&sort=height", 200), get("", "/search?utm_source=mail&sort=height&q=red", 200)}},
		{"ab-routing: a cohort for newcomers, kept by a cookie; then new weights", []try{
			get("", "/", 200), get("-b ab_front=coast ", "/", 200), wedge("kv put ab front 'night=0 coast=100'")}},
		{"headers: what the origin says, and what the node lets out", []try{
			{"curl -si 'http://" + d.a.address + "/lights/'", 200}, get("", "/lights/", 200)}},
		{"auth: without credentials, with a token, with an API key", []try{
			get("", "/members/log", 401), get(`-H "Authorization: Bearer $(cat `+f("keeper.token")+`)" `, "/members/log", 200),
			get(`-H "X-Api-Key: $(cat `+f("keeper.apikey")+`)" `, "/members/log", 200)}},
		{"kv-redirects: edited while the node runs", []try{
			get("", "/lighthouses/red-maiden", 301), wedge("kv put redirects /tonight /lights/the-candle"), get("", "/tonight", 302)}},
		{"purge by tag: the pages of all lights", []try{
			wedge("cache purge --tag lights"), get("", "/lights/", 200)}},
		{"an endless loop: deployed, stopped after 50 ms, removed", []try{
			wedge("function deploy spin " + f("spin.wasm")), get("-H 'Host: "+labHost+"' ", "/", 500), wedge("function logs spin"), wedge("function delete spin --yes")}},
		{"what the node knows", []try{
			wedge("status"), wedge("function list"), wedge("function logs auth"), {"curl -si 'http://" + d.node.AdminAddr() + "/metrics'", 200}}},
	}
}

// Environment are the variables by which the command line finds the demo's node.
func (d *Demo) Environment() []string {
	return []string{"WEDGE_NODE=" + d.node.AdminAddr(), "WEDGE_TOKEN_FILE=" + d.folder.file("admin.token")}
}

// Guide prints where everything is and what to try. The command is how wedge is called here.
func (d *Demo) Guide(w io.Writer, command string) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	kept := "stays there"
	if d.folder.temporary {
		kept = "goes when the demo ends; --data FOLDER keeps it"
	}
	p("A node, an origin and %d example functions, ready after %.1f s.", len(examples), d.took.Round(100*time.Millisecond).Seconds())
	p("")
	p("  the site        %s/", d.URL())
	p("  its origin      http://%s/ and http://%s/", d.a.address, d.b.address)
	p("  operators' API  http://%s/", d.node.AdminAddr())
	p("  configuration   %s (%s)", d.folder.file("wedge.yaml"), kept)
	p("  access log      %s", d.folder.file("access.log"))
	p("  compiled code   %s", or(d.compiled, "in the node's data folder"))
	p("")
	p("To try, in another terminal:")
	p("")
	p("    export %s", strings.Join(d.Environment(), " "))
	for _, c := range d.chapters() {
		p("")
		p("  %s", c.title)
		for _, t := range c.tries {
			line := t.command
			if rest, ok := strings.CutPrefix(line, "wedge "); ok {
				line = command + " " + rest
			}
			p("    %s", line)
		}
	}
	p("")
	p("Ctrl-C ends it. The tour plays all of this: %s demo --tour", command)
}
