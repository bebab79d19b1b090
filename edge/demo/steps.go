package demo

import (
	"strings"
	"sync"
)

// steps are the story.
var steps = []step{
	{"a miss, then hits", "The first visitor of a page waits for the origin. The next ones get what the node has stored, and the origin hears nothing of them.", stepHit},
	{"twelve at once", "Twelve visitors open a page that nobody has asked for yet, and over which the origin takes 400 ms. They share one fetch.", stepCollapse},
	{"five spellings of one page", "Tracking parameters and their order are no reason to ask again: the function cache-key makes the spellings equal.", stepSpellings},
	{"phones and desktops", "The same function puts the class of the device into the key: two stored copies of a page, whatever browsers call themselves.", stepDevices},
	{"two first pages", "ab-routing draws a cohort for each new visitor, keeps it by a cookie, and asks another origin for each. Both copies are stored.", stepCohorts},
	{"new weights", "An operator sends all new visitors to one cohort. Nobody is moved who has a cohort already.", stepWeights},
	{"what the origin should not say", "headers takes cookies and the names of software out of what is stored, and adds what protects browsers.", stepHeaders},
	{"who may read the log", "auth looks at tokens before the cache is asked. The origin behind it asks nobody.", stepTokens},
	{"a key is revoked", "An API key is good until an operator deletes it from the store. The next request is refused.", stepRevoked},
	{"a redirect is edited", "kv-redirects reads its rules from a store. An edit shows on the next request.", stepRedirects},
	{"purge by tag", "The origin tags its pages. A purge forgets the pages with a tag, and only those.", stepPurge},
	{"a function that never ends", "Somebody deploys an endless loop, on a site of its own. It is stopped after 50 ms of processor time, and its neighbour serves on.", stepSpin},
	{"the origin dies", "What is stored is still served. What is not cannot be, and the answer says so at once. Then the origin comes back.", stepDeath},
}

func stepHit(s *stage) {
	q := request{uri: "/lights/"}
	first := s.get(q, "Cache-Status")
	second := s.get(q, "Cache-Status")
	third := s.get(q)
	s.wantOutcome(first, "miss")
	for _, r := range []*reply{second, third} {
		s.wantStatus(r, 200)
		s.wantOutcome(r, "hit")
		s.want(r.body == first.body && r.number() == first.number(), "a later visitor got another copy than the first")
		s.want(r.header.Get("Age") != "", "a hit has no Age")
	}
	s.wantOrigin("/", 1)
}

func stepCollapse(s *stage) {
	const visitors = 12
	q := request{uri: "/almanac"}
	replies := s.atOnce(visitors, q)
	s.gather()
	outcomes := map[string]int{}
	copies := map[int]bool{}
	var slowest *reply
	for _, r := range replies {
		s.wantStatus(r, 200)
		if r.logged != nil && r.logged.Collapsed {
			outcomes["shared its fetch"]++
		} else {
			outcomes[r.outcome()]++
		}
		copies[r.number()] = true
		if slowest == nil || r.took > slowest.took {
			slowest = r
		}
	}
	s.events = append(s.events, event{reply: slowest})
	s.say("%d visitors at once: %s; the last had the page after %d ms", visitors, counts(outcomes), slowest.took.Milliseconds())
	s.want(len(copies) == 1, "there are %d copies of the page", len(copies))
	later := s.get(q)
	s.wantOutcome(later, "hit")
	s.say("a visitor who comes later has it after %d ms", later.took.Milliseconds())
	s.want(later.took < slowest.took, "it took no less time later, %v", later.took)
	s.wantOrigin("/almanac", 1)
}

func stepSpellings(s *stage) {
	var first *reply
	for i, uri := range []string{
		"/search?q=red&sort=height",
		"/search?sort=height&q=red",
		"/search?q=red&utm_source=mail&utm_campaign=spring&sort=height",
		"/search?fbclid=IwAR2x&q=red&sort=height",
		"/search?gclid=Cj0KCQ&sort=height&&q=red",
	} {
		r := s.get(request{uri: uri})
		s.wantStatus(r, 200)
		if i == 0 {
			first = r
			s.wantOutcome(r, "miss")
			continue
		}
		s.wantOutcome(r, "hit")
		s.want(r.number() == first.number(), "%s got another copy", uri)
	}
	other := s.get(request{uri: "/search?q=red&sort=year"})
	s.wantOutcome(other, "miss")
	s.want(other.body != first.body, "another order of the lights is the same page")
	s.wantOrigin("/search", 2)
}

// Two of each class, as they call themselves.
const (
	phone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
	phone2  = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36"
	desktop = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	laptop  = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"
)

func stepDevices(s *stage) {
	q := request{uri: "/lights/gull-point"}
	a := s.get(q.with("User-Agent", phone).as("from an iPhone"))
	b := s.get(q.with("User-Agent", phone2).as("from an Android phone"))
	c := s.get(q.with("User-Agent", desktop).as("from Firefox on Linux"))
	d := s.get(q.with("User-Agent", laptop).as("from Safari on a Mac"))
	s.wantOutcome(a, "miss")
	s.wantOutcome(b, "hit")
	s.wantOutcome(c, "miss")
	s.wantOutcome(d, "hit")
	s.want(a.number() == b.number() && c.number() == d.number() && a.number() != c.number(), "the copies are not one for each class")
	s.wantOrigin("/lights/gull-point", 2)
}

// cohortCookie is how ab-routing remembers.
const cohortCookie = "ab_front"

// newcomer asks as somebody without a cookie and returns the cohort that was drawn.
func (s *stage) newcomer() (*reply, string) {
	r := s.quiet(request{uri: "/", say: "as a new visitor"})
	cohort, _ := r.cookie(cohortCookie)
	return r, cohort
}

func stepCohorts(s *stage) {
	firsts := map[string]*reply{}
	// With weights of one to one, that 64 draws are all of one cohort happens once in 2⁶³ tours.
	drawn := map[string]int{}
	for range 64 {
		r, cohort := s.newcomer()
		drawn[cohort]++
		if firsts[cohort] == nil {
			firsts[cohort] = r
			s.events = append(s.events, event{reply: r, show: []string{"Set-Cookie"}})
		}
		if len(drawn) == 2 {
			break
		}
	}
	s.want(firsts["night"] != nil && firsts["coast"] != nil, "new visitors were drawn as: %s", counts(drawn))
	bodies := map[string]bool{}
	for cohort, first := range firsts {
		s.wantStatus(first, 200)
		bodies[first.body] = true
		for range 5 {
			r := s.quiet(request{uri: "/", fields: []string{"Cookie", cohortCookie + "=" + cohort}})
			s.wantOutcome(r, "hit")
			s.want(r.body == first.body, "a visitor of cohort %s was shown another page", cohort)
			_, again := r.cookie(cohortCookie)
			s.want(!again, "a visitor who has a cohort was drawn again")
		}
	}
	for _, cohort := range []string{"coast", "night"} {
		r := s.get(request{uri: "/", fields: []string{"Cookie", cohortCookie + "=" + cohort}})
		s.wantOutcome(r, "hit")
		s.want(strings.Contains(r.body, `class="home-`+r.header.Get("X-Origin")+`"`), "the page of cohort %s is not the one of its origin", cohort)
		s.want(r.header.Get("X-Origin") == map[string]string{"night": "a", "coast": "b"}[cohort], "cohort %s was served by origin %s", cohort, r.header.Get("X-Origin"))
	}
	s.want(len(bodies) == 2, "there are %d first pages", len(bodies))
	s.wantOrigin("/", 2)
}

func stepWeights(s *stage) {
	night := request{uri: "/", fields: []string{"Cookie", cohortCookie + "=night"}}
	s.warm(night, request{uri: "/", fields: []string{"Cookie", cohortCookie + "=coast"}})
	s.say("operator: wedge kv put ab front 'night=0 coast=100'")
	s.must("change the weights", s.demo.operator.put(s.ctx, "ab", "front", "night=0 coast=100"))
	drawn := map[string]int{}
	for range 20 {
		_, cohort := s.newcomer()
		drawn[cohort]++
	}
	s.say("20 new visitors: %s", counts(drawn))
	s.want(drawn["coast"] == 20, "of 20 new visitors %d came to coast", drawn["coast"])
	stays := s.get(night)
	s.wantOutcome(stays, "hit")
	s.want(stays.header.Get("X-Origin") == "a", "a visitor of night was moved")
	s.must("restore the weights", s.demo.operator.put(s.ctx, seeds[0].store, seeds[0].key, seeds[0].value))
	s.wantOrigin("/", 0)
}

func stepHeaders(s *stage) {
	private := []string{"Set-Cookie", "Server", "X-Powered-By"}
	q := request{uri: "/lights/cold-harbour"}
	raw := s.get(request{uri: q.uri, to: s.demo.a.address}, private...)
	for _, name := range private {
		s.want(raw.header.Get(name) != "", "the origin sends no %s, so there is nothing to take away", name)
	}
	protect := []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options"}
	miss := s.get(q, "Set-Cookie", "Server", "X-Powered-By")
	hit := s.get(q, append(protect, "Set-Cookie")...)
	s.wantOutcome(miss, "miss")
	s.wantOutcome(hit, "hit")
	for _, r := range []*reply{miss, hit} {
		for _, name := range private {
			s.want(r.header.Get(name) == "", "a %s has %s", r.outcome(), name)
		}
		for _, name := range protect {
			s.want(r.header.Get(name) != "", "a %s has no %s", r.outcome(), name)
		}
	}
	s.want(raw.header.Get("Content-Security-Policy") == "", "the origin protects by itself")
}

// atOnce sends the same request so often at the same time.
func (s *stage) atOnce(n int, q request) []*reply {
	replies := make([]*reply, n)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = s.visitor.get(s.ctx, q) })
	}
	all.Wait()
	for _, r := range replies {
		s.keep(r)
	}
	return replies
}
