package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/hostapi/cost"
)

// unsegmented says of each cache.segment that has no effect why it has none. It knows the functions whose modules are files: of those that
// are deployed "wedge cache show" tells.
func unsegmented(c *config.Config) (list []config.Remark) {
	known := map[string]bool{} // by the module's file: whether it has on_fetched
	sees := func(owner config.Name, bindings []*config.Binding) config.Name {
		for _, b := range bindings {
			f := c.Function(owner, b.Name)
			if f == nil || f.Module == "" {
				continue
			}
			has, ok := known[f.Module]
			if !ok {
				// What cannot be read, or is no function, is for the node to say, which may stand elsewhere.
				if module, err := os.ReadFile(f.Module); err == nil {
					hooks, _ := cost.Hooks(module)
					has = slices.Contains(hooks, "on_fetched")
				}
				known[f.Module] = has
			}
			if has {
				return b.Name
			}
		}
		return ""
	}
	say := func(path string, function config.Name, hint string, args ...any) {
		list = append(list, config.Remark{Path: path + ".cache.segment",
			Message: fmt.Sprintf("%s.cache.segment has no effect: the function %s sees responses before they are stored (on_fetched), so they are fetched whole", path, function),
			Hint:    fmt.Sprintf(hint, args...)})
	}
	for i := range c.Sites {
		s, path := &c.Sites[i], fmt.Sprintf("sites[%d]", i)
		segmented := func(p *config.CachePolicy) bool { return p.Segment != 0 && p.Collapse && p.Mode != config.CachePass }
		var site config.Name
		if segmented(&s.Cache) {
			if site = sees(s.Owner, s.Functions); site != "" {
				say(path, site, "remove segment, or take %s from the site and bind it in the routes that need it", site)
			}
		}
		for j := range s.Routes {
			r := &s.Routes[j]
			if !segmented(&r.Cache) || site != "" && r.Cache.Segment == s.Cache.Segment {
				continue // nothing to say, or the site's line has said it
			}
			if f := sees(s.Owner, r.Functions); f != "" {
				say(fmt.Sprintf("%s.routes[%d]", path, j), f, "write cache: {segment: 0} in the route, or take %s from what runs there", f)
			}
		}
	}
	return list
}
