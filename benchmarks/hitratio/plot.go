package main

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
)

// plot draws the shares of requests over the sizes, a panel for each trace, as SVG.
func (s *scores) plot() []byte {
	const width, height, columns = 460, 320, 2
	var b bytes.Buffer
	n := 0
	for _, trace := range traces() {
		if len(s.sizes(trace)) > 0 {
			fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", n%columns*width, 30+n/columns*height)
			s.panel(&b, trace, width, height)
			fmt.Fprint(&b, "</g>\n")
			n++
		}
	}
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n"+
		`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n"+`<text x="16" y="22" font-size="15">Share of requests that the cache answers, by its size</text>`+"\n",
		min(n, columns)*width, 30+(n+columns-1)/columns*height)
	return append(append([]byte(head), b.Bytes()...), "</svg>\n"...)
}

func (s *scores) panel(b *bytes.Buffer, trace string, width, height int) {
	const left, right, top, bottom = 52, 92, 34, 40
	colours := []string{"#c0392b", "#7f8c8d", "#2980b9", "#8e44ad", "#27ae60", "#2c3e50"}
	sizes := s.sizes(trace)
	lo, hi := math.Log2(float64(sizes[0])), math.Log2(float64(sizes[len(sizes)-1]))
	most := 0.1
	for _, n := range s.All {
		if n.Trace == trace {
			most = max(most, math.Ceil(n.Requests*10)/10)
		}
	}
	x := func(mib int64) float64 {
		return left + (math.Log2(float64(mib))-lo)/max(hi-lo, 1)*float64(width-left-right)
	}
	y := func(share float64) float64 {
		return float64(height-bottom) - share/most*float64(height-top-bottom)
	}
	fmt.Fprintf(b, `<text x="%d" y="22" font-weight="bold">%s</text>`+"\n", left, trace)
	for share := 0.0; share <= most+0.001; share += 0.1 {
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#667">%.0f %%</text>`+"\n", left, y(share), width-right, left-8, y(share)+4, 100*share)
	}
	for _, mib := range sizes {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#667">%d MiB</text>`+"\n", x(mib), height-bottom+20, mib)
	}
	type end struct {
		name, colour string
		at           float64
	}
	var ends []end
	for i, cache := range names() {
		points, dots, last := "", "", 0.0
		for _, mib := range sizes {
			n := s.of(trace, cache, mib)
			if n == nil {
				continue
			}
			last = y(n.Requests)
			points += fmt.Sprintf("%.1f,%.1f ", x(mib), last)
			dots += fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s, %d MiB: %.2f %%</title></circle>`+"\n", x(mib), last, colours[i], cache, mib, 100*n.Requests)
		}
		if points == "" {
			continue
		}
		fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="%s" points="%s"/>`+"\n%s", colours[i], map[bool]string{true: "2.5", false: "1.5"}[cache == "wedge"], points, dots)
		ends = append(ends, end{cache, colours[i], last})
	}
	// Names stand where the lines end, none over another.
	slices.SortFunc(ends, func(a, b end) int { return cmp.Compare(a.at, b.at) })
	free := 0.0
	for _, e := range ends {
		at := max(e.at+4, free)
		free = at + 13
		fmt.Fprintf(b, `<text x="%d" y="%.1f" fill="%s">%s</text>`+"\n", width-right+10, at, e.colour, e.name)
	}
}
