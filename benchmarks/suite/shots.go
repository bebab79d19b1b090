package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
)

// shots has a browser make pictures of parts of a folder's report, for the README: summary.png and hits.png.
func shots(dir string) error {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		return errors.New("pictures need chromium: run .ci/tools")
	}
	r, err := readResult(filepath.Join(dir, "suite.json"))
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "wedge-bench-shots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	for name, parts := range map[string][]string{"summary": {"summary"}, "hits": {"hit-1k", "ua"}} {
		html, err := page(r, parts...)
		if err != nil {
			return err
		}
		// The page tells its height by its title, in which a second look cuts the picture.
		file, to := filepath.Join(scratch, name+".html"), filepath.Join(dir, name+".png")
		html = bytes.Replace(html, []byte("</body>"), []byte("<script>document.title = Math.ceil(document.body.getBoundingClientRect().bottom) + 24</script></body>"), 1)
		if err := os.WriteFile(file, html, 0o600); err != nil {
			return err
		}
		look := func(height string, more ...string) ([]byte, error) {
			args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000," + height}, more...)
			out, err := exec.Command(browser, append(args, "file://"+file)...).Output()
			if err != nil {
				return nil, fmt.Errorf("chromium: %w", err)
			}
			return out, nil
		}
		dom, err := look("800", "--dump-dom")
		if err != nil {
			return err
		}
		height := regexp.MustCompile(`<title>(\d+)</title>`).FindSubmatch(dom)
		if height == nil {
			return fmt.Errorf("chromium tells no height of %s", file)
		}
		if to, err = filepath.Abs(to); err != nil {
			return err
		}
		if _, err := look(string(height[1]), "--screenshot="+to); err != nil {
			return err
		}
		if err := fewColours(to); err != nil {
			return err
		}
		fmt.Println(to)
	}
	return nil
}

// fewColours writes a picture anew with its 256 most frequent colours, in a third of the bytes.
func fewColours(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	full, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	often := map[color.RGBA]int{}
	r := full.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			often[color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(often), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(often[b], often[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var some color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		some = append(some, c)
	}
	few := image.NewPaletted(r, some)
	draw.Draw(few, r, full, r.Min, draw.Src)
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, few); err != nil {
		return err
	}
	return os.WriteFile(file, small.Bytes(), 0o644)
}
