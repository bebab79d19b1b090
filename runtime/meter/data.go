package meter

import (
	"slices"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// mergeGap is how many zeros may stand between two data segments for them to become one. An engine evaluates an offset
// and allocates for each segment of each new instance; a few bytes more to copy are cheaper.
const mergeGap = 256

// mergesData says whether the active data segments can become fewer without anybody noticing: the code does not name
// segments, and all are sure to fit into the memory that the module defines, so that making an instance traps neither before
// nor after. A module whose data count is wrong is not valid, and is left as it is.
func (w *rewriter) mergesData() bool {
	m := w.m
	if w.namesData || len(m.Data) < 2 || len(m.Memories) != 1 || m.HasDataCount && int(m.DataCount) != len(m.Data) {
		return false
	}
	size := int64(m.Memories[0].Limits.Min) << 16
	for i := range m.Data {
		if d := &m.Data[i]; !d.Const || int64(d.At)+int64(len(d.Init)) > size {
			return false
		}
	}
	return true
}

// extent is a part of the memory that one merged segment fills.
type extent struct{ from, to int64 }

// mergedData is the data section with segments as few as mergeGap allows.
//
// "the segments are then copied in the order of their definition": where segments overlap, the later one is seen.
// https://webassembly.github.io/spec/core/exec/modules.html#instantiation
func mergedData(data []wasm.Data) []byte {
	list := make([]extent, 0, len(data))
	for i := range data {
		if n := len(data[i].Init); n > 0 {
			list = append(list, extent{int64(data[i].At), int64(data[i].At) + int64(n)})
		}
	}
	slices.SortFunc(list, func(a, b extent) int { return int(a.from - b.from) })
	spans := list[:0]
	for _, s := range list {
		if n := len(spans); n > 0 && s.from-spans[n-1].to <= mergeGap {
			spans[n-1].to = max(spans[n-1].to, s.to)
			continue
		}
		spans = append(spans, s)
	}
	out := wasm.AppendU32(nil, uint32(len(spans)))
	place := make([]int, len(spans)) // of each extent's bytes in out
	for i, s := range spans {
		out = append(out, 0, byte(wasm.I32Const))
		out = wasm.AppendS64(out, int64(int32(uint32(s.from))))
		out = wasm.AppendU32(append(out, byte(wasm.End)), uint32(s.to-s.from))
		place[i] = len(out)
		out = append(out, make([]byte, s.to-s.from)...)
	}
	for i := range data {
		d := &data[i]
		if len(d.Init) == 0 {
			continue
		}
		k, found := slices.BinarySearchFunc(spans, int64(d.At), func(s extent, at int64) int { return int(s.from - at) })
		if !found {
			k--
		}
		copy(out[place[k]+int(int64(d.At)-spans[k].from):], d.Init)
	}
	return out
}
