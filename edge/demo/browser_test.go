package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser finds a Chromium. Without one the test is skipped, unless nothing may be.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("WEDGE_REQUIRE_ALL") == "1" {
		t.Fatal("there is no Chromium, and WEDGE_REQUIRE_ALL=1 asks for it: apt-get install chromium")
	}
	t.Skip("there is no Chromium: apt-get install chromium")
	return ""
}

// seen is what a browser was told while it showed a page. Its mu guards the rest: events come from another goroutine.
type seen struct {
	mu       sync.Mutex
	errors   []string       // in the console, and pages and parts that could not be loaded
	statuses map[string]int // by URL
	kinds    map[network.ResourceType]int
}

func (s *seen) event(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := v.(type) {
	case *network.EventResponseReceived:
		s.statuses[e.Response.URL] = int(e.Response.Status)
		s.kinds[e.Type]++
	case *network.EventLoadingFailed:
		if !e.Canceled {
			s.errors = append(s.errors, fmt.Sprintf("%s: %s %s", e.Type, e.ErrorText, e.BlockedReason))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			s.errors = append(s.errors, fmt.Sprintf("console: %s %s", e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		s.errors = append(s.errors, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			args, _ := json.Marshal(e.Args)
			s.errors = append(s.errors, fmt.Sprintf("console.%s: %s", e.Type, args))
		}
	}
}

// TestBrowser shows the site's pages in Chromium, through the node with all its functions: whatever a policy of the function headers, a lost
// byte or a wrong media type would break stands in the console.
func TestBrowser(t *testing.T) {
	needsExamples(t)
	path := browser(t)
	d := open(t)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var now *seen
	var mu sync.Mutex // guards now
	err := chromedp.Listen(ctx, func(v any) {
		mu.Lock()
		s := now
		mu.Unlock()
		if s != nil {
			s.event(v)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	host, err := url.Parse(d.URL())
	if err != nil {
		t.Fatal(err)
	}

	f := func(uri, cohort, variant, heading string, pictures int) {
		t.Helper()
		s := &seen{statuses: map[string]int{}, kinds: map[network.ResourceType]int{}}
		mu.Lock()
		now = s
		mu.Unlock()
		type page struct {
			Variant, Heading, Node, Total string
			Pictures, Broken              int
		}
		err := chromedp.Do(ctx,
			chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: cohortCookie, Value: cohort, Domain: host.Hostname(), Path: "/"})
				return err
			}),
			chromedp.Navigate(d.URL()+uri))
		if err == nil {
			_, err = chromedp.Run(ctx, chromedp.Poll[bool](`document.getElementById('total').textContent !== '…' && [...document.images].every(i => { i.loading = 'eager'; return i.complete })`, chromedp.WithPollingTimeout(time.Minute)))
		}
		var shown page
		if err == nil {
			shown, err = chromedp.Run(ctx, chromedp.Evaluate[page](`({
				Variant: document.documentElement.dataset.variant, Heading: document.querySelector('h1').textContent,
				Node: document.getElementById('node').textContent, Total: document.getElementById('total').textContent,
				Pictures: document.images.length, Broken: [...document.images].filter(i => i.naturalWidth === 0).length })`))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			t.Errorf("%s: %v; the browser says %q", uri, err, s.errors)
			return
		}
		for u, status := range s.statuses {
			if status != 200 {
				t.Errorf("%s: %s answered %d", uri, u, status)
			}
			if !strings.HasPrefix(u, d.URL()+"/") {
				t.Errorf("%s: the browser loaded %s, which is not the node's", uri, u)
			}
		}
		if len(s.errors) > 0 {
			t.Errorf("%s: the browser complains: %q", uri, s.errors)
		}
		for _, kind := range []network.ResourceType{network.ResourceTypeDocument, network.ResourceTypeStylesheet, network.ResourceTypeScript, network.ResourceTypeImage, network.ResourceTypeFetch} {
			if s.kinds[kind] == 0 {
				t.Errorf("%s: nothing of kind %s was loaded: %v", uri, kind, s.kinds)
			}
		}
		if shown.Variant != variant || shown.Heading != heading {
			t.Errorf("%s as %s: variant %q with heading %q, want %q with %q", uri, cohort, shown.Variant, shown.Heading, variant, heading)
		}
		if shown.Pictures < pictures || shown.Broken > 0 {
			t.Errorf("%s: %d of %d pictures are broken, want at least %d", uri, shown.Broken, shown.Pictures, pictures)
		}
		if !strings.HasPrefix(shown.Node, "wedge-") || shown.Total == "unreachable" {
			t.Errorf("%s: the page says of the node %q, and of the origin %q", uri, shown.Node, shown.Total)
		}
	}
	f("/", "night", "a", "Eight lights for people who are lost", 10)
	f("/", "coast", "b", "Eight lamps are lit. Which one is yours?", 9)
	f("/lights/", "night", "a", "The lights", 9)
	f("/lights/saint-orla", "coast", "a", "Saint Orla", 2)
	f("/search?q=red&sort=height&utm_source=browser", "night", "a", "2 lights for “red”", 3)
}
