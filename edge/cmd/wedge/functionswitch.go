package main

import "io"

type functionDisable struct {
	Name string `arg:"" complete:"function" help:"Name of the function."`
	functionFlags
}

func (f functionDisable) Run(c *command) error { return f.turn(c, f.Name, true) }

type functionEnable struct {
	Name string `arg:"" complete:"function" help:"Name of the function."`
	functionFlags
}

func (f functionEnable) Run(c *command) error { return f.turn(c, f.Name, false) }

// turn switches a function off or on.
func (f functionFlags) turn(c *command, name string, off bool) error {
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	a, err := node.Switch(c.context, f.Owner, name, off)
	if err != nil {
		return err
	}
	return c.answer(f.jsonFlag, a.Raw, func(w io.Writer) error {
		state := "enabled"
		if a.V.Disabled {
			state = "disabled"
		}
		return line("%s is %s", owned(a.V.Owner, a.V.Name), state)(w)
	})
}

type functionDelete struct {
	Name string `arg:"" complete:"function" help:"Name of the function."`
	yesFlag
	functionFlags
}

func (f functionDelete) Run(c *command) error {
	node, err := c.node(f.nodeFlags)
	if err != nil {
		return err
	}
	if err := c.confirm(f.yesFlag, "delete the function %q with all its versions", f.Name); err != nil {
		return err
	}
	a, err := node.DeleteFunction(c.context, f.Owner, f.Name)
	if err != nil {
		return err
	}
	return c.answer(f.jsonFlag, a.Raw, line("%s is deleted", owned(f.Owner, f.Name)))
}
