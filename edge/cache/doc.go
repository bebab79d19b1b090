// Package cache is the door to the HTTP cache: it looks requests up, judges
// responses, lets requests for the same thing share one fetch, stores what may
// be stored, and forgets what is purged.
//
// The rooms behind it know nothing of each other: key makes the hash by which a
// response is found, policy says what HTTP says, store keeps bodies and heads,
// tag knows what has been purged, fill is where waiting requests meet; disk
// keeps what memory has no room for, and with journal's purges it outlives the
// process (tier.go joins them). The
// pipeline calls the door, and nothing but the door:
//
//	client's side                      origin's side
//	f := c.Lookup(x, r)
//	  Fresh   f.Serve(x)
//	  Pass    fetch for itself
//	  else    t := c.Join(x, r, &f)
//	          t.Leads() ────────────>  l, f := t.Filling(), f.ForFetch()
//	                                   f.Validators(&fx.Request.Header)
//	                                   fetch; on a 304: c.Merge(&f, fx, r)
//	                                   v := c.Judge(fx, asked, r)
//	          t.Wait(gone, timeout)    one of l.Store, Refresh, Release, Share, Fail, Abandon
//	  Shared  t.Serve(x, &f)
//
// Beside responses it keeps values that functions put there: see [Values].
//
// A [Rules] belongs to a route; it must not change while a request uses it.
//
// The cache fetches nothing, sends nothing and has no opinion on clients' own
// conditions and ranges: those are answered out of what it served.
package cache
