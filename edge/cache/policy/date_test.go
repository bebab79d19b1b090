package policy

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 8, 14, 12, 0, 0, 0, time.UTC)

// stamp is an HTTP-date some time away from noon.
func stamp(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }

func TestParseDate(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		got := "invalid"
		if u, ok := ParseDate(s, noon); ok {
			got = time.Unix(u, 0).UTC().Format("2006-01-02 15:04:05")
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
	// "A recipient that parses a timestamp value in an HTTP field MUST accept all three HTTP-date formats."
	// https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
	f("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06 08:49:37")
	f("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06 08:49:37")
	f("Sun Nov  6 08:49:37 1994", "1994-11-06 08:49:37")
	f("Wed Nov 16 08:49:37 1994", "1994-11-16 08:49:37")
	f("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01 00:00:00")
	f("Sat, 01 Jan 0000 00:00:00 GMT", "0000-01-01 00:00:00")
	f("Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31 23:59:59")
	f("Tue, 29 Feb 2000 23:59:60 GMT", "2000-03-01 00:00:00")
	f("Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29 00:00:00")

	// "Although all date formats are specified to be case-sensitive, a cache recipient SHOULD match the field value
	// case-insensitively." https://www.rfc-editor.org/rfc/rfc9111#section-4.2
	f("sUN, 06 nOV 1994 08:49:37 gmt", "1994-11-06 08:49:37")
	f("SUNDAY, 06-NOV-94 08:49:37 Gmt", "1994-11-06 08:49:37")
	f("sun nov  6 08:49:37 1994", "1994-11-06 08:49:37")

	// "Recipients of a timestamp value in rfc850-date format, which uses a two-digit year, MUST interpret a timestamp that
	// appears to be more than 50 years in the future as representing the most recent year in the past that had the same
	// last two digits." https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
	f("Friday, 14-Aug-76 12:00:00 GMT", "2076-08-14 12:00:00")
	f("Friday, 14-Aug-76 12:00:01 GMT", "1976-08-14 12:00:01")
	f("Friday, 14-Aug-77 12:00:00 GMT", "1977-08-14 12:00:00")
	f("Friday, 14-Aug-27 12:00:00 GMT", "2027-08-14 12:00:00")
	f("Friday, 14-Aug-00 12:00:00 GMT", "2000-08-14 12:00:00")

	// "A cache recipient SHOULD consider a date with a zone abbreviation other than "GMT" to be invalid for calculating
	// expiration." https://www.rfc-editor.org/rfc/rfc9111#section-4.2
	f("Sun, 06 Nov 1994 08:49:37 UTC", "invalid")
	f("Sun, 06 Nov 1994 08:49:37 AEST", "invalid")
	f("Sun, 06 Nov 1994 08:49:37 +0000", "invalid")
	f("Sun, 06 Nov 1994 08:49:37", "invalid")

	for _, bad := range []string{"", "0", "-1", "now", "Sun", "Sun,", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov  1994 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 2023 08:49:37 GMT", "Sun, 29 Feb 1900 08:49:37 GMT", "Son, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Now 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
		" Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT", "784111777", "1994-11-06T08:49:37Z"} {
		f(bad, "invalid")
	}
}

// FuzzParseDate holds the parser against that of net/http: what is accepted here it accepts as well, as the same
// moment, and every moment that it writes is read here.
func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Tue, 29 Feb 2000 23:59:59 GMT"} {
		f.Add(s, int64(784111777))
	}
	f.Fuzz(func(t *testing.T, s string, u int64) {
		if got, ok := ParseDate(s, noon); ok && !strings.Contains(s, ":60") {
			// Of a four-digit year's GMT net/http takes upper case only.
			want, err := http.ParseTime(strings.Replace(s, s[len(s)-3:], strings.ToUpper(s[len(s)-3:]), 1))
			if err != nil {
				t.Fatalf("%q: net/http says %v", s, err)
			}
			if d := want.Unix() - got; d != 0 && strings.Count(s, "-") < 2 {
				t.Errorf("%q: got %d, net/http %d", s, got, want.Unix())
			} else if d != 0 && want.AddDate(100, 0, 0).Unix() != got && want.AddDate(-100, 0, 0).Unix() != got {
				t.Errorf("%q: got %d, net/http %d, which is no century away", s, got, want.Unix())
			}
		}
		from, to := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix()
		if u < from || u > to {
			return
		}
		at := time.Unix(u, 0).UTC()
		for _, layout := range []string{http.TimeFormat, time.ANSIC} {
			if got, ok := ParseDate(at.Format(layout), noon); !ok || got != u {
				t.Errorf("%s: got %d, %v, want %d", at.Format(layout), got, ok, u)
			}
		}
		if at.After(noon.AddDate(-50, 0, 0)) && at.Before(noon.AddDate(50, 0, 0)) {
			s := at.Format("Monday, 02-Jan-06 15:04:05 GMT")
			if got, ok := ParseDate(s, noon); !ok || got != u {
				t.Errorf("%s: got %d, %v, want %d", s, got, ok, u)
			}
		}
	})
}
