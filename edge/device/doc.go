// Package device tells from a User-Agent field which class of device asks:
// mobile, tablet, desktop or bot. It knows the words that browsers and crawlers
// have agreed on, not models: classes are for choosing a layout or a cache key,
// where few and stable values matter more than fine ones.
//
// Functions ask it through the client functions of their ABI; edge/node joins
// the two.
package device
