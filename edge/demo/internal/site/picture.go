package site

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
)

// tower draws a light as an SVG picture, 300 by 420, whose lamp keeps the light's rhythm. It has attributes only and no style, so
// that no policy about inline styles concerns it.
func tower(l light) []byte {
	var b bytes.Buffer
	w := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	w(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 420" role="img" aria-label="%s">`, l.Name)
	w(`<defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="#0d1b2e"/><stop offset=".7" stop-color="#274766"/><stop offset="1" stop-color="#b98557"/></linearGradient>`)
	w(`<linearGradient id="d" x2="1" y2="0"><stop offset=".25" stop-color="#000" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity=".42"/></linearGradient>`)
	w(`<radialGradient id="g"><stop stop-color="%[1]s"/><stop offset=".25" stop-color="%[1]s" stop-opacity=".5"/><stop offset="1" stop-color="%[1]s" stop-opacity="0"/></radialGradient>`, lamp(l))
	// The higher the tower, the higher its gallery stands in the picture.
	top := 200 - 2*l.Height
	w(`<clipPath id="t"><path d="M126 %d h48 L190 372 H110z"/></clipPath></defs>`, top)
	w(`<rect width="300" height="420" fill="url(#s)"/>`)
	r := rand.New(rand.NewPCG(uint64(l.Year), uint64(l.Height)))
	for range 26 {
		w(`<circle cx="%d" cy="%d" r="%.1f" fill="#fff" opacity=".%d"/>`, r.IntN(300), r.IntN(250), .5+r.Float64(), 25+r.IntN(60))
	}
	w(`<path d="M0 352 q40-10 80 0 t80 0 t80 0 t80 0 V420 H0z" fill="#17344f"/>`)
	w(`<path d="M52 380 q20-26 52-22 q24-14 60-4 q38-12 58 8 q26 2 36 20z" fill="#1b1f26"/>`)
	w(`<g clip-path="url(#t)"><rect x="100" y="%d" width="100" height="300" fill="%s"/>`, top, ground(l))
	paint(w, l, top)
	w(`<rect x="100" y="%d" width="100" height="300" fill="url(#d)"/></g>`, top)
	for y := top + 46; y < 340; y += 62 {
		w(`<path d="M146 %d v-9 a4 4 0 0 1 8 0 v9z" fill="#1a222e"/>`, y)
	}
	w(`<path d="M143 372 v-16 a7 7 0 0 1 14 0 v16z" fill="#1a222e"/>`)
	w(`<path d="M118 %d h64 v7 h-64z M122 %d v-13 M134 %[2]d v-13 M146 %[2]d v-13 M158 %[2]d v-13 M170 %[2]d v-13 M178 %[2]d v-13 M120 %[3]d h60" fill="#10151c" stroke="#10151c" stroke-width="2"/>`, top-6, top-6, top-18)
	w(`<rect x="134" y="%d" width="32" height="32" rx="2" fill="#2a2410"/>`, top-38)
	w(`<g>%s<circle cx="150" cy="%d" r="92" fill="url(#g)"/><rect x="136" y="%d" width="28" height="30" fill="%s"/></g>`, rhythm(l), top-22, top-37, lamp(l))
	w(`<path d="M143 %d v32 M157 %[1]d v32" stroke="#10151c" stroke-width="2"/>`, top-38)
	w(`<path d="M128 %d q22-30 44 0z M149 %d h2 v-14 h-2z" fill="%s"/>`, top-38, top-50, l.Paint)
	w(`<path d="M0 384 q30-9 60 0 t60 0 t60 0 t60 0 t60 0 V420 H0z" fill="#0e2538"/></svg>`)
	return b.Bytes()
}

// ground is the colour under the pattern.
func ground(l light) string {
	if l.Pattern == "plain" {
		return l.Paint
	}
	return "#f1ece1"
}

// paint draws what makes a tower known by day.
func paint(w func(string, ...any), l light, top int) {
	switch l.Pattern {
	case "bands":
		for y := top; y < 372; y += 56 {
			w(`<rect x="100" y="%d" width="100" height="28" fill="%s"/>`, y, l.Paint)
		}
	case "spiral":
		for y := top - 40; y < 400; y += 60 {
			w(`<path d="M100 %d L200 %d v28 L100 %dz" fill="%s"/>`, y+40, y, y+68, l.Paint)
		}
	case "half":
		w(`<rect x="100" y="%d" width="100" height="300" fill="%s"/>`, top+(372-top)/2, l.Paint)
	}
}

// lamp is the colour of the light itself.
func lamp(l light) string {
	switch {
	case strings.Contains(l.Character, " G "):
		return "#9dffc4"
	case strings.Contains(l.Character, " R "):
		return "#ff9a86"
	}
	return "#fff0bf"
}

// rhythm animates a lamp's opacity as the light's character has it: dark with flashes, or, for an occulting light, the reverse.
func rhythm(l light) string {
	if l.Flashes == 0 {
		return ""
	}
	on, off := "1", "0.08"
	if strings.HasPrefix(l.Character, "Oc") {
		on, off = off, on
	}
	values, times := []string{off}, []string{"0"}
	for i := range l.Flashes {
		at := float64(i)*1.6 + .4 // seconds; each flash has .9
		if l.Flashes == l.Period {
			at = float64(i) + .1
		}
		for _, k := range []struct {
			after float64
			value string
		}{{0, off}, {.15, on}, {.5, on}, {.75, off}} {
			values = append(values, k.value)
			times = append(times, fmt.Sprintf("%.4f", (at+k.after)/float64(l.Period)))
		}
	}
	values, times = append(values, off), append(times, "1")
	return fmt.Sprintf(`<animate attributeName="opacity" dur="%ds" repeatCount="indefinite" values="%s" keyTimes="%s"/>`,
		l.Period, strings.Join(values, ";"), strings.Join(times, ";"))
}

// sky paints the stars above every page; transparent, and the same each time.
func sky() []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 800, 320))
	r := rand.New(rand.NewPCG(8, 1871))
	for range 230 {
		x, y := r.IntN(800), r.IntN(320)
		a := 40 + r.IntN(170)
		a = a * (320 - y) / 320 // they fade towards the horizon
		m.SetNRGBA(x, y, color.NRGBA{255, 250, 235, uint8(a)})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic("BUG: a picture in memory cannot be encoded: " + err.Error())
	}
	return b.Bytes()
}
