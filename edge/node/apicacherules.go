package node

import (
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/config"
)

// rulesShown are a route's rules by the names that they have in configuration: the
// mode, and what is not the default.
func rulesShown(r *cache.Rules) (list []admin.Field) {
	add := func(name, value string) { list = append(list, admin.Field{Name: name, Value: value}) }
	flag := func(name string, is, unless bool) {
		if is != unless {
			add(name, strconv.FormatBool(is))
		}
	}
	span := func(name string, d time.Duration) {
		if d != 0 {
			add(name, config.Duration(d).String())
		}
	}
	add("mode", r.Mode.String())
	span("ttl", r.TTL)
	flag("strip_set_cookie", r.StripSetCookie, false)
	flag("store_set_cookie", r.KeepSetCookie, false)
	if r.IgnoreCookies {
		add("cookies", string(config.CookiesIgnore))
	}
	if len(r.KeyCookies) > 0 {
		add("key_cookies", strings.Join(r.KeyCookies, ", "))
	}
	flag("collapse", r.Collapse, true)
	span("heuristic", r.Heuristic)
	for _, s := range r.Statuses {
		add("statuses", strconv.Itoa(s.Code)+" "+config.Duration(s.TTL).String())
	}
	span("stale_while_revalidate", r.WhileRevalidate)
	span("stale_if_error", r.IfError)
	if r.Target != "" {
		add("targeted_field", r.Target)
	}
	if r.ForwardRanges {
		add("ranges", string(config.RangesForward))
	}
	if r.Segment != 0 {
		add("segment", config.Size(r.Segment).String())
	}
	if r.Whole != "" {
		add("segment", "no effect: function "+r.Whole+" sees responses before they are stored (on_fetched)")
	}
	flag("match_language", r.MatchLanguage, false)
	flag("ignore_client_directives", r.IgnoreClientDirectives, false)
	if r.ReadsPrivate {
		add("functions", "one reads Cookie or Authorization at on_fetch: every request passes")
	}
	return list
}
