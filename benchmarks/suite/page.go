package main

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// page is the report as a static page: it loads nothing, the plots are SVG inside it. With parts it has only these: "summary", and
// names of scenarios.
func page(r *Result, parts ...string) ([]byte, error) {
	type section struct {
		Name, Title, What, Note string
		Bars, Curves            template.HTML
		Left                    []dash
	}
	var sections []section
	for _, s := range scenarios() {
		rows := r.of(s.Name)
		if len(rows) == 0 || len(parts) > 0 && !slices.Contains(parts, s.Name) {
			continue
		}
		sec := section{Name: s.Name, Title: s.Title, Left: dashes(rows)}
		var measured []Row
		for _, row := range rows {
			if row.Reason == "" {
				measured = append(measured, row)
			}
		}
		if len(measured) > 0 {
			sec.Note = fmt.Sprintf("%d rounds, %d connections, commit %s, %s", len(measured[0].CPU), s.Conns, measured[0].Commit, measured[0].At)
			m := drawn(&s)
			sec.What, sec.Bars, sec.Curves = m.what, template.HTML(bars(&s, measured)), template.HTML(curves(measured))
		}
		sections = append(sections, sec)
	}
	var text, b bytes.Buffer
	if measured(r) {
		writeTargets(&text, r)
	}
	_, table, _ := strings.Cut(text.String(), "Targets\n")
	err := pageTemplate().Execute(&b, map[string]any{"Result": r, "Whole": len(parts) == 0, "Summary": len(parts) == 0 || slices.Contains(parts, "summary"), "Sections": sections, "Targets": table,
		"Sizes": template.HTML(scaling(r, "size")), "Conns": template.HTML(scaling(r, "conns"))})
	return b.Bytes(), err
}

// A measure is what the bars of a scenario show.
type measure struct {
	what, unit string
	of         func(Row) []float64
}

// drawn is processor time but where a time that somebody waits for is the point.
func drawn(s *Scenario) measure {
	wall := func(l Latencies) float64 { return l.Max / 1000 }
	switch s.Kind {
	case Cold:
		return measure{"From the start of the process to the end of the first answer", "ms", func(r Row) []float64 { return each(r.Latency, wall) }}
	case Deploy:
		return measure{"From the beginning of the deploy to the end of the first answer by the new function", "ms", func(r Row) (v []float64) {
			for _, micro := range r.Live {
				v = append(v, micro/1000)
			}
			return v
		}}
	case Hostile:
		return measure{"p99 of good requests at a fixed rate, beside the loops", "ms", func(r Row) []float64 {
			return each(r.Latency, func(l Latencies) float64 { return l.P99 / 1000 })
		}}
	}
	return measure{"Processor time a request", "µs", func(r Row) []float64 { return r.CPU }}
}

func pageTemplate() *template.Template {
	return template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Wedge beside its rivals</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin: 2.4rem 0 0 } h3 { font-size: .9rem; font-weight: 600; margin: .8rem 0 0 }
p, dl { margin: .3rem 0 } .note { color: #66717d; font-size: .85rem } svg { width: 100%; height: auto; display: block; margin: .4rem 0 }
pre { font: 12px/1.5 ui-monospace, monospace; background: #f5f7f9; padding: .6rem .8rem; overflow-x: auto }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; font-size: .85rem } dd { margin: 0 }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem } nav { columns: 3; font-size: .75rem } nav a { display: block }
</style></head><body>
<h1>Wedge beside its rivals</h1>
<p>A bar is the median of the rounds; the line across it goes from the least to the most. Rounds take turns among the servers, and
every answer is checked. How it is measured, and how to repeat it, is in <code>benchmarks/README.md</code>.</p>
<p class="note">{{with .Result.Machine}}{{.Cores}} processors, {{.CPU}}, {{.MemoryMB}} MiB; {{.Pinned}}; {{.Kernel}}; {{.Go}}{{end}}</p>
{{if .Whole}}<nav class="note">{{range .Sections}}<a href="#{{.Name}}">{{.Title}}</a>{{end}}</nav>{{end}}
{{if .Summary}}{{with .Targets}}<h2>What is asked of the node</h2>
<pre>{{.}}</pre>
{{end}}{{if or .Sizes .Conns}}<h2>By size, and by connections</h2>
<div class="pair">{{with .Sizes}}<div><h3>µs of processor time a hit, by the size of the body</h3>{{.}}</div>{{end}}
{{with .Conns}}<div><h3>µs of processor time a hit of 1 KiB, by connections</h3>{{.}}</div>{{end}}</div>{{end}}{{end}}
{{range .Sections}}<section><h2 id="{{.Name}}">{{.Title}}</h2>
<p class="note">{{.Note}}</p>
{{with .What}}<h3>{{.}}</h3>{{end}}{{.Bars}}{{with .Curves}}<h3>Latency: quantiles</h3>{{.}}{{end}}
{{range .Left}}<p class="note">– {{range $i, $s := .Servers}}{{if $i}}, {{end}}{{$s}}{{end}}: {{.Reason}}</p>{{end}}
</section>{{end}}
{{if .Whole}}<h2>Versions</h2>
<dl>{{range $name, $version := .Result.Versions}}<dt>{{$name}}</dt><dd>{{$version}}</dd>{{end}}</dl>{{end}}
</body></html>
`))
}

// colour tells ours from what is bare and from the others.
func colour(server string) string {
	switch {
	case strings.HasPrefix(server, "wedge"):
		return "#0b7a75"
	case server == "bare":
		return "#b8c1ca"
	}
	return "#6f8fb3"
}

// bars draws the measure of each row, with its spread.
func bars(s *Scenario, rows []Row) string {
	const width, left, right, step, top = 900, 205, 130, 26, 6
	m := drawn(s)
	most := 0.0
	for _, r := range rows {
		most = max(most, median(m.of(r))*1.02)
	}
	for _, r := range rows {
		most = max(most, min(slices.Max(m.of(r)), most*1.15)) // one slow round shall not flatten the others
	}
	x := func(v float64) float64 { return left + min(v, most)/most*(width-left-right) }
	var b bytes.Buffer
	height := top + step*len(rows) + 22
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="%s, %s">`, width, height, m.what, template.HTMLEscapeString(s.Title))
	for _, v := range ticks(most) {
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#e3e8ec"/><text x="%.1f" y="%d" text-anchor="middle" fill="#66717d" font-size="11">%s %s</text>`,
			x(v), top, height-20, x(v), height-6, number(v), m.unit)
	}
	first := m.of(*baseline(rows))
	for i, r := range rows {
		y := float64(top + i*step)
		v := m.of(r)
		middle := median(v)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, left-10, y+16, template.HTMLEscapeString(r.Server))
		fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/>`, left, y+3, x(middle)-left, step-8, colour(r.Server))
		fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="#1c2733" stroke-width="1.5"/>`, x(slices.Min(v)), y+12, x(slices.Max(v)))
		text := fmt.Sprintf("%s  ×%.2f", number(middle), ratio(v, first))
		switch s.Kind {
		case Zipf:
			text = fmt.Sprintf("%s  %.1f %% hits", number(middle), 100*r.hits())
		case Collapse:
			text = fmt.Sprintf("%s  %d fetches", number(middle), slices.Max(r.Origin))
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%s</text>`, max(x(middle), x(slices.Max(v)))+8, y+16, text)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// curves draws the quantiles of latency of each row, on a scale of powers of ten.
func curves(rows []Row) string {
	const width, left, right, top, bottom = 900, 70, 210, 14, 26
	height := max(250, top+bottom+13*len(rows)) // a line for each name
	names := []string{"p50", "p90", "p99", "p99.9", "max"}
	of := []func(Latencies) float64{func(l Latencies) float64 { return l.P50 }, func(l Latencies) float64 { return l.P90 },
		func(l Latencies) float64 { return l.P99 }, func(l Latencies) float64 { return l.P999 }, func(l Latencies) float64 { return l.Max }}
	if len(rows) > 0 && rows[0].Requests == 1 {
		return "" // one answer a round has no quantiles
	}
	least, most := math.Inf(1), 0.0
	for _, r := range rows {
		least, most = min(least, r.quantile(of[0])), max(most, r.quantile(of[4]))
	}
	if most <= 0 || math.IsInf(least, 1) {
		return ""
	}
	lo, hi := math.Floor(math.Log10(max(least, 1))), math.Ceil(math.Log10(most))
	y := func(v float64) float64 {
		return float64(height-bottom) - (math.Log10(max(v, 1))-lo)/max(hi-lo, 1)*float64(height-top-bottom)
	}
	x := func(i int) float64 { return left + float64(i)/float64(len(names)-1)*(width-left-right) }
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="latency">`, width, height)
	for p := lo; p <= hi; p++ {
		v := math.Pow(10, p)
		unit := number(v) + " µs"
		if v >= 1000 {
			unit = number(v/1000) + " ms"
		}
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#e3e8ec"/><text x="%d" y="%.1f" text-anchor="end" fill="#66717d">%s</text>`, left, y(v), width-right, left-8, y(v)+4, unit)
	}
	for i, name := range names {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#66717d">%s</text>`, x(i), height-6, name)
	}
	palette := palette()
	// Names stand where their curves end, from the top, and none over another.
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(rows[j].quantile(of[4]), rows[i].quantile(of[4])) })
	// Those that would stand below the plot push the others up.
	places := make([]float64, len(rows))
	for n, i := range order {
		places[n] = y(rows[i].quantile(of[4])) + 4
		if n > 0 {
			places[n] = max(places[n], places[n-1]+13)
		}
	}
	for n, lowest := len(places)-1, float64(height-bottom); n >= 0; n, lowest = n-1, lowest-13 {
		places[n] = min(places[n], lowest)
	}
	for n, i := range order {
		r := rows[i]
		var path strings.Builder
		for j := range names {
			fmt.Fprintf(&path, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[j == 0], x(j), y(r.quantile(of[j])))
		}
		at := places[n]
		c := palette[i%len(palette)]
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.8"/><text x="%d" y="%.1f" fill="%s">%s</text>`, path.String(), c, width-right+10, at, c, template.HTMLEscapeString(r.Server))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// palette tells the lines of a plot apart.
func palette() []string {
	return []string{"#7f8c8d", "#0b7a75", "#d35400", "#2980b9", "#8e44ad", "#c0392b", "#b7950b", "#1f618d", "#27ae60", "#a04000", "#5b2c6f", "#34495e"}
}

// ticks are round numbers from 0 to about most, four to eight of them.
func ticks(most float64) (at []float64) {
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for most/step < 4 {
		step /= 2
	}
	for v := 0.0; v <= most; v += step {
		at = append(at, v)
	}
	return at
}

// number has three digits that say something.
func number(v float64) string {
	switch {
	case v >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
