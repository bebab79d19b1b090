package site

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A light is one of the lighthouses that the site is about. None of them exists.
type light struct {
	Slug, Name, Coast string
	Year, Height      int // of lighting; of the tower, in metres
	Range             int // in nautical miles
	Colour            string
	Character         string // as charts write it
	Flashes, Period   int    // flashes in each period, and its seconds
	Pattern           string // bands, spiral, plain, half
	Paint             string
	Text              string
}

var lights = []light{
	{"red-maiden", "The Red Maiden", "North Reach", 1871, 34, 21, "red", "Fl(2) W 10s", 2, 10, "bands", "#c8412f",
		"She was painted red so that the keeper's children could find their way home in fog, and white because the red ran out."},
	{"old-thumb", "Old Thumb", "Gannet Sound", 1798, 19, 14, "white", "Fl W 5s", 1, 5, "plain", "#efe9dc",
		"Short, round and on a reef. For eleven months of the year the only visitor is the postman, and he does not land."},
	{"saint-orla", "Saint Orla", "South Holm", 1903, 48, 26, "black", "Fl(3) W 15s", 3, 15, "spiral", "#22262d",
		"The spiral took one man two summers. He began at the top, so that nobody could tell him it was not straight."},
	{"skerry-nine", "Skerry Nine", "North Reach", 1889, 27, 18, "yellow", "Q W", 5, 5, "half", "#d9a520",
		"There are only seven skerries. The charts have never been changed, and the light is too proud to be renamed."},
	{"the-candle", "The Candle", "Gannet Sound", 1842, 22, 12, "white", "F W", 0, 10, "bands", "#7f8a93",
		"It does not flash. It burns, as it has burned since 1842, and sailors set their watches by the keeper's supper."},
	{"gull-point", "Gull Point", "South Holm", 1926, 31, 19, "green", "Fl G 4s", 1, 4, "bands", "#2f7d5b",
		"Built for ships, kept for gulls. The lamp was electric from the first day, the stove was not."},
	{"cold-harbour", "Cold Harbour", "The Elbow", 1864, 41, 24, "red", "Oc R 8s", 1, 8, "half", "#a8322a",
		"It is dark when others shine: an occulting light, with a keeper who slept by day and wrote novels by night."},
	{"last-lamp", "The Last Lamp", "The Elbow", 1911, 37, 23, "black", "Fl(4) W 20s", 4, 20, "plain", "#30343b",
		"Behind it there is only water. Four flashes, then a long dark, in which one is meant to think."},
}

// named finds a light by its slug.
func named(slug string) (light, bool) {
	i := slices.IndexFunc(lights, func(l light) bool { return l.Slug == slug })
	if i < 0 {
		return light{}, false
	}
	return lights[i], true
}

// search finds lights whose name, coast or colour has the text, in the given order.
func search(text, order string) []light {
	text = strings.ToLower(text)
	var found []light
	for _, l := range lights {
		if strings.Contains(strings.ToLower(l.Name+" "+l.Coast+" "+l.Colour), text) {
			found = append(found, l)
		}
	}
	slices.SortStableFunc(found, func(a, b light) int {
		switch order {
		case "height":
			return cmp.Compare(b.Height, a.Height)
		case "year":
			return cmp.Compare(a.Year, b.Year)
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return found
}

// A night is one of the almanac: when the lamps are lit in the middle of a month, and when put out.
type night struct{ Month, Lit, Out string }

// nights reckons a year of them for the coast's latitude, by the sun's height alone.
func nights() []night {
	const latitude = 58 * math.Pi / 180
	var year []night
	for m := time.January; m <= time.December; m++ {
		day := time.Date(2025, m, 15, 0, 0, 0, 0, time.UTC).YearDay()
		declination := -23.44 * math.Pi / 180 * math.Cos(2*math.Pi/365*float64(day+10))
		half := math.Acos(max(-1, min(1, -math.Tan(latitude)*math.Tan(declination)))) * 12 / math.Pi
		clock := func(hours float64) string { return fmt.Sprintf("%02d:%02d", int(hours), int(hours*60)%60) }
		year = append(year, night{m.String(), clock(12 + half), clock(12 - half)})
	}
	return year
}
