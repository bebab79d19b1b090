// Leaves a mark wherever an AssemblyScript program can keep one, and looks for the mark of somebody else.

class Box {
  value: u64 = 0;
}

let kept: u64 = 0; // a global of the module
const initialised: StaticArray<u64> = [1, 2]; // in a data segment
let held: Box | null = null; // on the heap

export function mark(m: u64): void {
  kept = m;
  initialised[1] = m;
  store<u64>(memory.data(32), m);
  const box = new Box();
  box.value = m;
  held = box;
  new Box().value = m; // for the collector
}

export function find(sought: u64): i32 {
  let found = 0;
  const size = (<usize>memory.size()) << 16;
  for (let p: usize = 0; p != size; p += 8) {
    if (load<u64>(p) * 0x9e3779b97f4a7c15 == sought) found |= 1;
  }
  if (kept * 0x9e3779b97f4a7c15 == sought) found |= 2;
  return found;
}

export function grow(pages: i32): i32 {
  return i32(memory.grow(pages) != -1);
}
