package main

import (
	"bytes"
	"fmt"
	"math"
)

// plot draws the shares of requests over the sizes, as SVG.
func plot(rivals []rival, rooms []int64, results map[string][]score) []byte {
	const width, height, left, right, top, bottom = 720, 420, 56, 120, 40, 48
	colours := []string{"#c0392b", "#7f8c8d", "#2980b9", "#8e44ad", "#27ae60", "#2c3e50"}
	lo, hi := math.Log2(float64(rooms[0])), math.Log2(float64(rooms[len(rooms)-1]))
	most := 0.1
	for _, scores := range results {
		for _, s := range scores {
			most = max(most, math.Ceil(s.requests*10)/10)
		}
	}
	x := func(room int64) float64 {
		return left + (math.Log2(float64(room))-lo)/max(hi-lo, 1)*(width-left-right)
	}
	y := func(share float64) float64 { return height - bottom - share/most*(height-top-bottom) }

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n"+`<text x="%d" y="22" font-size="15">Share of requests answered by the cache</text>`+"\n", left)
	for share := 0.0; share <= most+0.001; share += 0.1 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n", left, y(share), width-right, left-8, y(share)+4, 100*share)
	}
	for _, room := range rooms {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d MiB</text>`+"\n", x(room), height-bottom+20, room>>20)
	}
	for i, r := range rivals {
		scores := results[r.name]
		if scores == nil {
			continue
		}
		colour := colours[i%len(colours)]
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, colour)
		for j, s := range scores {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(rooms[j]), y(s.requests))
		}
		fmt.Fprint(&b, `"/>`+"\n")
		for j, s := range scores {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s, %d MiB: %.2f %%</title></circle>`+"\n", x(rooms[j]), y(s.requests), colour, r.name, rooms[j]>>20, 100*s.requests)
		}
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="14" height="4" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", width-right+16, top+22*i, colour, width-right+36, top+22*i+7, r.name)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
