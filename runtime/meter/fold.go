package meter

// fold merges payments into those before them. Each payment but the first has a parent: one that every way to it passes, and
// that is passed once for each time that it is, at least. So what the child costs can be paid with the parent, in
// advance; if the way then goes elsewhere it was paid for nothing. That is cheap: a payment costs as much as some instructions,
// and in a loop one waits for the other. Each payment takes over at most foldMost units that may be for nothing.
//
// Of an if and its else only one runs, and the dearer one is paid for.
func (p *plan) fold() {
	for i := range p.edits {
		e := &p.edits[i]
		e.root, e.spare, e.folded, e.credit = i, p.advance, 0, 0
		if e.kind != payment || e.parent < 0 {
			continue
		}
		r := p.edits[e.parent].root
		if e.alt >= 0 {
			e.credit = p.edits[e.alt].folded
		}
		extra := e.units // what the other branch has paid for is nothing extra
		for k := i; k != r; k = p.edits[k].parent {
			extra -= min(p.edits[k].credit, extra)
		}
		root := &p.edits[r]
		if extra > root.spare {
			continue
		}
		root.spare -= extra
		root.units += extra
		e.root = r
		rest := e.units
		for k := i; k != r; k = p.edits[k].parent {
			up := &p.edits[k]
			up.folded += rest
			n := min(up.credit, rest)
			up.credit -= n
			rest -= n
		}
		e.units = 0
	}
}
