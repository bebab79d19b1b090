package main

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
)

// scaling draws the processor time of a request over what scenarios that are alike differ by, "size" or "conns". Both scales go by
// factors. It is empty if there are not two such scenarios.
func scaling(r *Result, by string) string {
	const width, height, left, right, top, bottom = 560, 340, 52, 100, 10, 30
	type point struct{ x, y float64 }
	lines, order := map[string][]point{}, []string{}
	var at []float64
	least, most := math.Inf(1), 0.0
	for _, s := range scenarios() {
		if !slices.Contains(s.Vary, by) {
			continue
		}
		x := float64(s.Size)
		if by == "conns" {
			x = float64(s.Conns)
		}
		for _, row := range r.of(s.Name) {
			if row.Reason != "" {
				continue
			}
			if lines[row.Server] == nil {
				order = append(order, row.Server)
			}
			y := median(row.CPU)
			lines[row.Server] = append(lines[row.Server], point{x, y})
			least, most = min(least, y), max(most, y)
			if !slices.Contains(at, x) {
				at = append(at, x)
			}
		}
	}
	if len(at) < 2 {
		return ""
	}
	slices.Sort(at)
	lo, hi := math.Floor(math.Log10(least)), math.Log10(most)+0.05
	if by == "conns" {
		lo = math.Log10(least) - 0.05
	}
	x := func(v float64) float64 {
		return left + (math.Log2(v)-math.Log2(at[0]))/(math.Log2(at[len(at)-1])-math.Log2(at[0]))*(width-left-right)
	}
	y := func(v float64) float64 {
		return height - bottom - (math.Log10(v)-lo)/(hi-lo)*(height-top-bottom)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="processor time by %s">`, width, height, by)
	for p := math.Floor(lo); p <= hi; p++ {
		for _, step := range []float64{1, 2, 5} {
			if v := step * math.Pow(10, p); math.Log10(v) >= lo && math.Log10(v) <= hi {
				fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#e3e8ec"/><text x="%d" y="%.1f" text-anchor="end" fill="#66717d">%s</text>`, left, y(v), width-right, left-6, y(v)+4, number(v))
			}
		}
	}
	for _, v := range at {
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#e3e8ec"/><text x="%.1f" y="%d" text-anchor="middle" fill="#66717d">%s</text>`, x(v), top, height-bottom, x(v), height-10, scale(v, by))
	}
	colours := map[string]string{}
	for i, server := range order {
		colours[server] = palette()[i%len(palette())]
		line, width := "", 1.6
		if server == "wedge" {
			width = 2.6
		}
		slices.SortFunc(lines[server], func(a, b point) int { return cmp.Compare(a.x, b.x) })
		for i, p := range lines[server] {
			line += fmt.Sprintf("%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0], x(p.x), y(p.y))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="2.6" fill="%s"><title>%s, %s: %s µs</title></circle>`, x(p.x), y(p.y), colours[server], template.HTMLEscapeString(server), scale(p.x, by), number(p.y))
		}
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="%.1f"/>`, line, colours[server], width)
	}
	last := func(server string) point { return lines[server][len(lines[server])-1] }
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(y(last(a).y), y(last(b).y)) })
	free := 0.0
	for _, server := range order {
		p := last(server)
		to := max(y(p.y)+4, free)
		free = to + 13
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`, x(p.x)+8, to, colours[server], template.HTMLEscapeString(server))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// scale is a value of the lower scale as people say it.
func scale(v float64, by string) string {
	switch {
	case by == "size" && v >= 1<<20:
		return fmt.Sprintf("%.0f MiB", v/(1<<20))
	case by == "size":
		return fmt.Sprintf("%.0f KiB", v/(1<<10))
	}
	return fmt.Sprintf("%.0f", v)
}
