package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// bearer asks for the keepers' log with a token.
func bearer(token, say string) request {
	return request{uri: "/members/log", fields: []string{"Authorization", "Bearer " + token}, say: say}
}

func stepTokens(s *stage) {
	f, later := s.demo.folder, time.Now().Add(time.Hour)
	refused := []request{
		{uri: "/members/log"},
		bearer(tokenFor(f.key, "orla", time.Now().Add(-time.Hour)), "with a token that ended an hour ago"),
		bearer(tokenOfNobody("orla", later), "with a token of alg: none"),
		bearer(tokenByPublicKey(f.public, "orla", later), "with one signed by HS256 and the public key"),
		bearer(strings.TrimSuffix(f.token, f.token[len(f.token)-6:])+"AAAAAA", "with a signature that was changed"),
	}
	for i, q := range refused {
		show := []string{"WWW-Authenticate"}
		if i > 1 {
			show = nil
		}
		r := s.get(q, show...)
		s.wantStatus(r, 401)
		s.wantOutcome(r, "answered")
		s.want(strings.HasPrefix(r.header.Get("WWW-Authenticate"), `Bearer realm="keepers"`), "%s: the challenge is %q", q.uri, r.header.Get("WWW-Authenticate"))
		s.want(!strings.Contains(r.body, "Wind south-west"), "the log was shown to somebody who may not read it")
	}
	s.wantOrigin("/members/", 0)
	for range 2 {
		r := s.get(bearer(f.token, "with a good token"))
		s.wantStatus(r, 200)
		s.wantOutcome(r, "pass")
		s.want(strings.Contains(r.body, "Wind south-west"), "the log is not what was shown")
	}
	s.wantOrigin("/members/", 2)
}

func stepRevoked(s *stage) {
	q := request{uri: "/members/log", fields: []string{"X-Api-Key", s.demo.folder.apiKey}, say: "with an API key"}
	r := s.get(q)
	s.wantStatus(r, 200)
	key := s.demo.hashedKey()
	s.say("operator: wedge kv delete api-keys %s…", key[:12])
	s.must("revoke the key", s.demo.operator.delete(s.ctx, "api-keys", key))
	r = s.get(q, "WWW-Authenticate")
	s.wantStatus(r, 401)
	s.wantOutcome(r, "answered")
	s.must("give the key back", s.demo.admitKey(s.ctx))
	r = s.get(q.as("with the key given back"))
	s.wantStatus(r, 200)
	s.wantOrigin("/members/", 2)
}

func stepRedirects(s *stage) {
	o, q := s.demo.operator, request{uri: "/tonight"}
	old := s.get(request{uri: "/lighthouses/red-maiden"}, "Location")
	s.wantStatus(old, 301)
	s.want(old.header.Get("Location") == "/lights/red-maiden", "an old address leads to %q", old.header.Get("Location"))
	s.wantStatus(s.get(q), 404)
	for _, edit := range []struct {
		value, location string
		status          int
	}{{"/lights/the-candle", "/lights/the-candle", 302}, {"307 /lights/last-lamp", "/lights/last-lamp", 307}} {
		s.say("operator: wedge kv put redirects /tonight '%s'", edit.value)
		s.must("edit the redirect", o.put(s.ctx, "redirects", q.uri, edit.value))
		r := s.get(q, "Location")
		s.wantStatus(r, edit.status)
		s.wantOutcome(r, "answered")
		s.want(r.header.Get("Location") == edit.location, "it leads to %q", r.header.Get("Location"))
	}
	s.say("operator: wedge kv delete redirects /tonight")
	s.must("delete the redirect", o.delete(s.ctx, "redirects", q.uri))
	s.wantStatus(s.get(q), 404)
	s.wantOrigin("/tonight", 2)
}

func stepPurge(s *stage) {
	candle, maiden := request{uri: "/lights/the-candle"}, request{uri: "/lights/red-maiden"}
	s.wantOutcome(s.get(candle, "Cache-Tag"), "miss")
	s.wantOutcome(s.get(maiden), "miss")
	s.wantOutcome(s.get(candle), "hit")
	s.say("operator: wedge cache purge --tag light:the-candle")
	s.must("purge", s.demo.operator.purgeTag(s.ctx, "light:the-candle"))
	again := s.get(candle)
	s.wantOutcome(again, "miss")
	s.wantOutcome(s.get(maiden), "hit")
	s.wantOutcome(s.get(candle), "hit")
	s.wantOrigin("/lights/the-candle", 2)
	s.wantOrigin("/lights/red-maiden", 1)
}

// labHost is the site of functions that one does not trust yet.
const labHost = "lab.localhost"

func stepSpin(s *stage) {
	o := s.demo.operator
	neighbour := request{uri: "/lights/"}
	s.warm(neighbour)
	s.say("operator: wedge function deploy spin spin.wasm")
	s.must("deploy", o.deploy(s.ctx, "spin", s.demo.spinner))
	const loops, neighbours = 4, 100
	began := time.Now()
	spins := make(chan []*reply)
	go func() {
		var replies []*reply
		for range loops {
			replies = append(replies, s.visitor.get(s.ctx, request{uri: "/", host: labHost}))
		}
		spins <- replies
	}()
	slowest, good, during := time.Duration(0), 0, 0
	var spun []*reply
	for spun == nil || during < neighbours {
		r := s.quiet(neighbour)
		during++
		slowest = max(slowest, r.took)
		if r.status == 200 {
			good++
		}
		select {
		case spun = <-spins:
		default:
		}
	}
	for _, r := range spun {
		s.keep(r)
	}
	s.gather()
	s.events = append(s.events, event{reply: spun[0]})
	for _, r := range spun {
		s.wantStatus(r, 500)
		s.wantOutcome(r, "failed")
		s.want(r.logged != nil && r.logged.Reason == "function-budget", "the access log does not say that a budget ended it")
		// The limit is on processor time: how long that takes is a matter of who else is running.
		s.want(r.took < 10*time.Second, "it was stopped after %v", r.took)
	}
	if l := spun[0].logged; l != nil {
		for _, f := range l.Functions {
			s.say("the access log says: %s at %s spent %.1f ms of processor time and %d fuel, then: %s", f.Name, f.Hook, float64(f.CPU)/1000, f.Fuel, f.Failed)
			s.want(f.CPU >= 40_000 && f.CPU < 500_000, "%s spent %d µs", f.Name, f.CPU)
		}
		s.want(len(l.Functions) == 1, "%d functions ran", len(l.Functions))
	}
	s.say("meanwhile the neighbour: %d of %d requests were 200, the slowest took %.1f ms (%d loops in %.1f s)", good, during, float64(slowest.Microseconds())/1000, loops, time.Since(began).Seconds())
	s.want(good == during, "%d requests of the neighbour went wrong", during-good)
	s.want(slowest < 2*time.Second, "a request of the neighbour took %v", slowest)
	s.say("operator: wedge function delete spin")
	s.must("delete the function", o.undeploy(s.ctx, "spin"))
	s.wantStatus(s.get(request{uri: "/", host: labHost}), 503)
	s.wantOrigin("/", 0)
}

func stepDeath(s *stage) {
	d := s.demo
	kept, unknown := request{uri: "/lights/"}, request{uri: "/lights/skerry-nine"}
	s.warm(kept)
	s.say("the origin is killed")
	d.killOrigin()
	s.wantOutcome(s.get(kept), "hit")
	lost := s.get(unknown)
	s.wantStatus(lost, 502)
	s.wantOutcome(lost, "failed")
	s.want(lost.took < 5*time.Second, "the answer took %v", lost.took)
	s.wantOutcome(s.get(kept), "hit")
	s.wantOrigin("/", 0)
	s.say("the origin comes back")
	for _, o := range []*originServer{d.a, d.b} {
		if o.server == nil {
			s.must("start the origin", o.start())
		}
	}
	back := s.get(unknown)
	s.wantStatus(back, 200)
	s.wantOutcome(back, "miss")
	s.wantOrigin("/", 1)
}

// counts writes a tally.
func counts(of map[string]int) string {
	var parts []string
	for _, word := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%d %s", of[word], or(word, "none")))
	}
	return strings.Join(parts, ", ")
}
