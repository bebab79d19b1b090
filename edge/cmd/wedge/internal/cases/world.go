package cases

import "strings"

// World is what a conversation gives a function before the first request.
type World struct {
	Config, Secrets map[string]string
	Stores          map[string]map[string]string
}

// World returns what the function is given.
func (c *Conversation) World() World {
	w := World{Config: map[string]string{}, Secrets: map[string]string{}, Stores: map[string]map[string]string{}}
	for _, s := range c.sections {
		var into map[string]string
		store, isStore := strings.CutPrefix(s.name, "kv ")
		switch {
		case isWritten(s.name):
			continue
		case s.name == "config":
			into = w.Config
		case s.name == "secrets":
			into = w.Secrets
		case isStore && w.Stores[store] == nil:
			into = map[string]string{}
			w.Stores[store] = into
		case isStore:
			into = w.Stores[store]
		default:
			continue
		}
		list, _ := pairs(s.text) // Parse has read it
		for _, f := range list {
			into[f.name] = f.value
		}
	}
	return w
}
