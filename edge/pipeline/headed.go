package pipeline

import "github.com/wedgecdn/wedge/hostapi/exchange"

// headed tells the cache what the origin answered to HEAD, which went there since
// what is stored is stale.
func (c *call) headed(f *fetch) {
	r := &f.x.Response
	if c.found.Reason != exchange.ReasonHeadMiss || f.x.Request.Method != "HEAD" || r.Status != 200 {
		return
	}
	asked := &c.x.Request.Header
	fx := asGet(f.x)
	defer fx.Release()
	fx.Response.Status = 200
	fx.Response.Header.CopyFrom(&r.Header)
	c.p.o.Cache.Headed(&c.found, fx, asked, &c.route.Rules, r.ContentLength)
}
