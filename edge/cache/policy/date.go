package policy

import "time"

// ParseDate reads an HTTP-date in any of its three formats, as seconds since
// 1970. now is needed for the obsolete format with a year of two digits.
func ParseDate(s string, now time.Time) (unix int64, ok bool) {
	var d date
	n := 0
	switch {
	case len(s) == len("Sun, 06 Nov 1994 08:49:37 GMT") && s[3] == ',':
		ok = weekday(s[:3], 3) && s[4] == ' ' && d.day(s[5:7]) && s[7] == ' ' && d.month(s[8:11]) && s[11] == ' ' &&
			d.year4(s[12:16]) && s[16] == ' ' && d.clock(s[17:25]) && fold(s[25:], " gmt")
	case len(s) == len("Sun Nov  6 08:49:37 1994"):
		day := s[8:10]
		if day[0] == ' ' {
			ok = digits(day[1:], &d.d)
		} else {
			ok = digits(day, &d.d)
		}
		ok = ok && weekday(s[:3], 3) && s[3] == ' ' && d.month(s[4:7]) && s[7] == ' ' && s[10] == ' ' && d.clock(s[11:19]) && s[19] == ' ' && d.year4(s[20:])
	default:
		for n < len(s) && s[n] != ',' {
			n++
		}
		// "Sunday, 06-Nov-94 08:49:37 GMT"
		if len(s)-n != len(", 06-Nov-94 08:49:37 GMT") {
			return 0, false
		}
		r := s[n:]
		yy := 0
		ok = weekday(s[:n], 0) && r[1] == ' ' && d.day(r[2:4]) && r[4] == '-' && d.month(r[5:8]) && r[8] == '-' && digits(r[9:11], &yy) &&
			r[11] == ' ' && d.clock(r[12:20]) && fold(r[20:], " gmt")
		// "Recipients of a timestamp value in rfc850-date format, which uses a
		// two-digit year, MUST interpret a timestamp that appears to be more than
		// 50 years in the future as representing the most recent year in the past
		// that had the same last two digits."
		// https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
		//
		// So it is the latest such year that is no more than 50 years ahead.
		limit := now.UTC().AddDate(50, 0, 0)
		d.y = limit.Year() - limit.Year()%100 + yy
		for ok && d.unix() > limit.Unix() {
			d.y -= 100
		}
	}
	if !ok || !d.exists() {
		return 0, false
	}
	return d.unix(), true
}

type date struct{ y, m, d, hour, min, sec int }

func digits(s string, to *int) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	*to = n
	return s != ""
}

func (d *date) day(s string) bool   { return digits(s, &d.d) }
func (d *date) year4(s string) bool { return digits(s, &d.y) }

func (d *date) clock(s string) bool {
	return digits(s[:2], &d.hour) && s[2] == ':' && digits(s[3:5], &d.min) && s[5] == ':' && digits(s[6:], &d.sec)
}

func (d *date) month(s string) bool {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	for m := range 12 {
		if fold(s, names[3*m:3*m+3]) {
			d.m = m + 1
			return true
		}
	}
	return false
}

// weekday tells whether s is the name of a day, or with n its first n letters.
// Whether it is the right one for the date is not asked: the date says enough.
func weekday(s string, n int) bool {
	for _, w := range [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"} {
		if n > 0 {
			w = w[:n]
		}
		if fold(s, w) {
			return true
		}
	}
	return false
}

// fold tells whether s is want, which is in lower case, in any case.
//
// "Although all date formats are specified to be case-sensitive, a cache
// recipient SHOULD match the field value case-insensitively."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.2
func fold(s, want string) bool {
	if len(s) != len(want) {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

func (d *date) exists() bool {
	// A leap second (60) is in the grammar; it counts as the second after it.
	if d.m < 1 || d.d < 1 || d.hour > 23 || d.min > 59 || d.sec > 60 {
		return false
	}
	n := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[d.m-1]
	if d.m == 2 && d.y%4 == 0 && (d.y%100 != 0 || d.y%400 == 0) {
		n = 29
	}
	return d.d <= n
}

// unix is the seconds since 1970. Years are counted from March, so that the
// day that leap years have more is their last.
func (d *date) unix() int64 {
	y, m := int64(d.y), int64(d.m)
	if m <= 2 {
		y, m = y-1, m+12
	}
	days := 365*y + floorDiv(y, 4) - floorDiv(y, 100) + floorDiv(y, 400) + (153*(m-3)+2)/5 + int64(d.d) - 1 - 719468
	return days*86400 + int64(d.hour)*3600 + int64(d.min)*60 + int64(d.sec)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
