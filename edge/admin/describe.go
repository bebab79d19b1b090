package admin

// A VersionDetail tells what a kept version is made of, and what its hooks cost
// on an exchange in which nothing is to be done.
type VersionDetail struct {
	Version  Version         `json:"version"`
	Runs     bool            `json:"runs" doc:"It is the active version."`
	Memory   int64           `json:"memory" doc:"Bytes of memory that the module begins with."`
	Imports  []string        `json:"imports" doc:"What it imports, as module and name, sorted."`
	Exports  []string        `json:"exports" doc:"The names that it exports, sorted."`
	Sections []ModuleSection `json:"sections" doc:"Its sections in their order; custom ones by their names."`
	Calls    []EmptyCall     `json:"calls" doc:"Its hooks on an exchange in which nothing is to be done, with the function's settings and harmless services."`
}

// A ModuleSection is a section of a module.
type ModuleSection struct {
	Name   string `json:"name"`
	Size   int    `json:"size" doc:"Bytes of its content."`
	Custom bool   `json:"custom"`
	Hash   string `json:"hash" doc:"The beginning of the SHA-256 of its content."`
}

// An EmptyCall is what a hook costs when nothing is to be done.
type EmptyCall struct {
	Hook   string `json:"hook"`
	Fuel   int64  `json:"fuel"`
	Failed string `json:"failed,omitempty" doc:"Why it failed, in one word; absent if it did not."`
}

func (c *call) functionVersion() (any, error) {
	f, leave, err := c.trial()
	if err != nil {
		return nil, err
	}
	defer leave()
	d, err := c.s.opt.Functions.Describe(c.r.Context(), c.owner, f.Name, c.query["version"])
	if err != nil {
		return nil, err
	}
	return d, nil
}
