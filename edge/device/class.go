package device

import "strings"

// The classes.
const (
	Mobile  = "mobile"
	Tablet  = "tablet"
	Desktop = "desktop"
	Bot     = "bot"
)

// maxLook bounds how much of a field is looked at, in bytes.
const maxLook = 512

// Class is the class of the device that sends this User-Agent; "" if it does
// not say enough. It allocates nothing.
func Class(userAgent string) string {
	ua := userAgent[:min(len(userAgent), maxLook)]
	switch {
	case ua == "":
		return ""
	case hasBot(ua), hasAny(ua, "crawl", "spider", "slurp", "facebookexternalhit", "preview", "monitor"):
		return Bot
	case has(ua, "windows nt") && has(ua, "tablet pc"):
		return Desktop // it says that the system could be used with a pen
	case hasAny(ua, "ipad", "tablet", "kindle", "silk/", "playbook"):
		return Tablet
	case has(ua, "android"):
		// Browsers on Android say "Mobile" on phones and leave it out on tablets.
		if has(ua, "mobile") {
			return Mobile
		}
		return Tablet
	case hasAny(ua, "mobile", "iphone", "ipod", "opera mini", "windows phone"):
		return Mobile
	case hasAny(ua, "windows nt", "macintosh", "x11", "cros ", "linux x86_64"):
		return Desktop
	}
	return ""
}

// hasBot tells whether the word bot is there, other than as the end of CUBOT,
// which makes phones.
func hasBot(ua string) bool {
	const word, maker = "bot", "cubot"
	for i := 0; i+len(word) <= len(ua); i++ {
		if !strings.EqualFold(ua[i:i+len(word)], word) {
			continue
		}
		if from := i + len(word) - len(maker); from < 0 || !strings.EqualFold(ua[from:i+len(word)], maker) {
			return true
		}
	}
	return false
}

func hasAny(s string, words ...string) bool {
	for _, w := range words {
		if has(s, w) {
			return true
		}
	}
	return false
}

// has tells whether s contains the word, which is in lower case, in any case.
func has(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if s[i]|0x20 == word[0]|0x20 && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
