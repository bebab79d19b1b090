package key

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func TestPartsAsText(t *testing.T) {
	f := func(change func(x *exchange.Exchange, c *Config), want string) {
		t.Helper()
		x, c := &exchange.Exchange{}, &Config{Owner: "o", Site: "s", Origin: "shop"}
		x.Request.Scheme, x.Request.Host, x.Request.Path = "http", "shop.example", "/a"
		change(x, c)
		var got []string
		for _, p := range Parts(x, c) {
			got = append(got, fmt.Sprintf("%s[%s]=%s", p.Kind, p.Name, p.Value))
		}
		const begin = "owner[]=o site[]=s origin[]="
		if s := strings.Join(got, " "); s != begin+want {
			t.Errorf("\ngot  %s\nwant %s", s, begin+want)
		}
	}
	f(func(*exchange.Exchange, *Config) {}, "shop scheme[]=http host[]=shop.example path[]=/a")
	f(func(x *exchange.Exchange, _ *Config) {
		x.Request.HasQuery, x.Request.Query = true, "b=1&a=2"
		x.Choices.Key.SortQuery = true
	},
		"shop scheme[]=http host[]=shop.example path[]=/a query[]=a=2&b=1")
	f(func(x *exchange.Exchange, _ *Config) { x.Choices.Key.Replace, x.Choices.Key.HasReplace = "one", true },
		"shop scheme[]=http host[]=shop.example replaced[]=one")
	f(func(x *exchange.Exchange, _ *Config) { x.Choices.Origin = "other" },
		"other scheme[]=http host[]=shop.example path[]=/a")
	f(func(x *exchange.Exchange, c *Config) {
		c.Cookies = []string{"lang", "seen"}
		x.Request.Header.Add("Cookie", "lang=de; id=7")
	}, "shop scheme[]=http host[]=shop.example path[]=/a cookie[lang]=de no cookie[seen]=")
	f(func(x *exchange.Exchange, c *Config) {
		c.Versions = []string{"v1"}
		x.Choices.Key.Parts = []exchange.Field{{Name: "plan", Value: "gold"}, {Name: "", Value: ""}}
	}, "shop scheme[]=http host[]=shop.example path[]=/a version[]=v1 function[plan]=gold function[]=")
}
