package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/wedgecdn/wedge/edge/cmd/wedge/internal/client"
	"github.com/wedgecdn/wedge/edge/config"
)

// nodeFlags are embedded by every command that asks a node.
type nodeFlags struct {
	Node      string `name:"node" placeholder:"ADDRESS" group:"Which node:" help:"Address of the node's operators' API, as host:port or URL. Without it WEDGE_NODE, then admin.listen of the configuration, then 127.0.0.1:9070."`
	TokenFile string `name:"token-file" placeholder:"FILE" group:"Which node:" help:"File that holds the token. Without it WEDGE_TOKEN_FILE, then admin.token_file of the configuration, if the address is from there."`
	Config    string `name:"config" short:"c" placeholder:"FILE" group:"Which node:" help:"Configuration that says where its node is; wedge.yaml, if that is there."`
}

// ownerFlag is embedded by commands about what belongs to an owner.
type ownerFlag struct {
	Owner string `name:"owner" placeholder:"NAME" complete:"owner" group:"Which node:" help:"Tenant that is meant. Without it the token's own; for the operator, default."`
}

// defaultConfig is the configuration that is meant when none is named.
const defaultConfig = "wedge.yaml"

// A place is where a node is and with which token to ask it, and who said so.
type place struct {
	base, from       string
	token, tokenFrom string // both "" if none is sent
}

// node finds the node that is meant and returns a client of it. What it found stays in c for the hint of an error.
func (c *command) node(f nodeFlags) (*client.Client, error) {
	p, err := c.find(f)
	if err != nil {
		return nil, err
	}
	c.asked = &p
	return client.New(client.Options{Base: p.base, Token: p.token, Agent: agent()}), nil
}

// agent is how the command line calls itself in requests.
func agent() string {
	return "wedge/" + cmp.Or(version, "devel")
}

// find says where the node is: flags go before the environment, that before the configuration. The token of a
// configuration is sent to the address of that configuration and to no other.
func (c *command) find(f nodeFlags) (place, error) {
	var p place
	file, fileFrom := f.TokenFile, "--token-file"
	if v, ok := c.env("WEDGE_TOKEN_FILE"); file == "" && ok && v != "" {
		file, fileFrom = v, "WEDGE_TOKEN_FILE"
	}
	address := f.Node
	p.from = "--node"
	if v, ok := c.env("WEDGE_NODE"); address == "" && ok && v != "" {
		address, p.from = v, "WEDGE_NODE"
	}
	if address == "" {
		name := f.Config
		if _, err := os.Stat(defaultConfig); name == "" && !errors.Is(err, fs.ErrNotExist) {
			name = defaultConfig
		}
		address, p.from = "127.0.0.1:"+client.DefaultPort, "the default"
		if name != "" {
			cfg, err := config.Load(name)
			if err != nil {
				return p, misread(name, err)
			}
			address, p.from = string(cfg.Admin.Listen), "admin.listen of "+name
			if cfg.Admin.Listen.Port() == 0 {
				return p, hint(fmt.Errorf("%s lets the node choose the port of its operators' API", name), "say where the node is with --node")
			}
			if file == "" && cfg.Admin.TokenFile != "" {
				file, fileFrom = cfg.Admin.TokenFile, "admin.token_file of "+name
			}
		}
	}
	base, err := client.ParseAddress(address)
	if err != nil {
		return p, hint(usage(fmt.Errorf("%s: %w", p.from, err)), "an address is host:port, as in 127.0.0.1:%s, or a URL without a path", client.DefaultPort)
	}
	p.base = base
	if file != "" {
		if p.token, err = readToken(file); err != nil {
			return p, hint(fmt.Errorf("read the token (%s): %w", fileFrom, err), "the file holds the token in one line, and you must be allowed to read it; --token-file says another")
		}
		p.tokenFrom = fmt.Sprintf("%s (%s)", file, fileFrom)
	}
	return p, nil
}

// misread says that a configuration, which was only asked where the node is, cannot say it.
func misread(name string, err error) error {
	var problems config.Errors
	if errors.As(err, &problems) && len(problems) > 0 {
		err = problems[0]
	}
	return hint(fmt.Errorf("cannot find the node: %w", err), `"wedge check --config %s" tells more; --node says where the node is without it`, name)
}

// readToken reads a token. What is wrong with it is said without showing it.
func readToken(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	const most = 4 << 10
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if len(b) > most {
		return "", fmt.Errorf("%s is longer than a token can be", name)
	}
	if token == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	for _, ch := range []byte(token) {
		if ch <= ' ' || ch > '~' {
			return "", fmt.Errorf("%s holds more than a token of printable ASCII", name)
		}
	}
	return token, nil
}
