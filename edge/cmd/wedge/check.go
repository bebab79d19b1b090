package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/wedgecdn/wedge/edge/config"
)

type checkCommand struct {
	Config  string `name:"config" short:"c" placeholder:"FILE" default:"${config}" help:"Configuration to check; - reads it from stdin. ${config}, if none is named."`
	Secrets bool   `name:"secrets" help:"Read the secrets and tokens too that it points at, as the node does when it starts."`
	jsonFlag
}

// A checkAnswer is what `wedge check --json` prints, whether the file is right or not.
type checkAnswer struct {
	OK        bool             `json:"ok"`
	File      string           `json:"file"`
	Problems  []config.Problem `json:"problems"`
	Sites     int              `json:"sites"`
	Functions int              `json:"functions"`
	Origins   int              `json:"origins"`
	// Warnings are about what is right and has no effect.
	Warnings []config.Problem `json:"warnings"`
}

func (k checkCommand) Run(c *command) error {
	file, text, cfg, err := k.load(c)
	a := checkAnswer{OK: err == nil, File: file, Problems: []config.Problem{}, Warnings: []config.Problem{}}
	var problems config.Errors
	if errors.As(err, &problems) {
		a.Problems = problems
		if k.JSON {
			err = exitCode(exitFailed) // the answer says it
		}
	} else if err != nil {
		return err
	}
	if cfg != nil {
		a.Sites, a.Functions, a.Origins = len(cfg.Sites), len(cfg.Functions), len(cfg.Origins)
	}
	if err != nil && !k.JSON {
		return err
	}
	if err == nil {
		a.Warnings = append(a.Warnings, config.Remarks(file, text, unsegmented(cfg))...)
	}
	if !k.JSON {
		for _, p := range a.Warnings {
			complaint{p.Error(), p.Snippet, p.Hint}.printAs(c.stderr, "warning")
		}
	}
	return errors.Join(err, c.answer(k.jsonFlag, a, line("%s: ok, %s, %s, %s",
		file, counted(a.Sites, "site"), counted(a.Functions, "function"), counted(a.Origins, "origin"))))
}

// load reads the file that is meant. The error is of type config.Errors, unless stdin failed.
func (k checkCommand) load(c *command) (file string, text []byte, cfg *config.Config, err error) {
	file = k.Config
	if file == "-" {
		file = "stdin"
		text, err = io.ReadAll(io.LimitReader(c.stdin, config.MaxFile+1)) // one more, so that Parse says that it is too long
		if err != nil {
			return file, nil, nil, hint(fmt.Errorf("read the configuration from stdin: %w", err), "name a file with --config")
		}
		cfg, err = config.Parse(file, text)
	} else {
		cfg, text, err = config.LoadText(file)
	}
	if err == nil && k.Secrets {
		err = config.LoadSecrets(cfg)
	}
	return file, text, cfg, err
}
