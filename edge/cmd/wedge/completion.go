package main

import (
	_ "embed"
	"io"
)

// The scripts only ask "wedge __complete" and hand on what it says, so that they need not change when commands do.
var (
	//go:embed shell/completion.bash
	bashScript string
	//go:embed shell/completion.zsh
	zshScript string
	//go:embed shell/completion.fish
	fishScript string
)

type completionScript struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"One of ${enum}."`
}

// Help is the longer text of the command's page.
func (completionScript) Help() string {
	return `In bash: source <(wedge completion bash), for always in ~/.bashrc. In zsh: source <(wedge completion zsh), behind compinit in ~/.zshrc. In fish: wedge completion fish > ~/.config/fish/completions/wedge.fish`
}

func (s completionScript) Run(c *command) error {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[s.Shell]
	_, err := io.WriteString(c.stdout, script)
	return err
}
