// A guest that does what functions at the edge do: JSON, sorting, hashing, strings, maps, allocation.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"sort"
	"strconv"
	"strings"
)

type row struct {
	ID   int
	Name string
	Tags []string
}

//go:wasmexport work
func work(n int32) int64 {
	h := sha256.New()
	for i := range int(n) {
		var rows []row
		for j := range 100 {
			rows = append(rows, row{(j * 7919) % 211, "name" + strconv.Itoa(i*j), []string{"a", "b", strconv.Itoa(j)}})
		}
		sort.Slice(rows, func(a, b int) bool { return rows[a].ID < rows[b].ID })
		b, err := json.Marshal(rows)
		if err != nil {
			return -1
		}
		var back []row
		if err := json.Unmarshal(b, &back); err != nil {
			return -2
		}
		words := map[string]int{}
		for _, r := range back {
			words[strings.ToUpper(r.Name)] += r.ID
		}
		h.Write(b)
		h.Write([]byte(strconv.Itoa(len(words))))
	}
	var sum int64
	for _, c := range h.Sum(nil)[:8] {
		sum = sum<<8 | int64(c)
	}
	return sum
}

//go:wasmexport move
func move(n int32) int64 {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 31)
	}
	copy(b[7:], b)
	copy(b, b[3:])
	c := make([]byte, n/2)
	copy(c, b[n/3:])
	clear(b[:n/4])
	var sum int64
	for i, x := range append(b, c...) {
		sum = sum*31 + int64(x) + int64(i)
	}
	return sum
}

//go:wasmexport spin
func spin(n int64) int64 {
	var x int64
	for i := int64(0); i != n; i++ {
		x = x*6364136223846793005 + i
	}
	return x
}

func main() {}
