// Leaves a mark wherever a Rust program can keep one, and looks for the mark of somebody else.
use std::cell::Cell;

static mut INITIALISED: [u64; 2] = [1, 2]; // in a data segment
static mut ZERO: [u64; 4] = [0; 4]; // behind it

thread_local! {
    static HELD: Cell<Option<Box<[u64; 8]>>> = Cell::new(None); // on the heap
}

fn put(place: *mut u64, m: u64) {
    unsafe { place.write_volatile(m) }
}

#[no_mangle]
pub extern "C" fn mark(m: u64) {
    let mut deep = [0u64; 64]; // on the stack in memory
    put(&mut deep[40], m);
    unsafe {
        put(std::ptr::addr_of_mut!(INITIALISED[1]), m);
        put(std::ptr::addr_of_mut!(ZERO[2]), m);
    }
    let mut held = Box::new([0u64; 8]);
    put(&mut held[3], m);
    HELD.with(|h| h.set(Some(held)));
    let mut freed = vec![0u64; 8];
    put(&mut freed[5], m);
}

#[no_mangle]
pub extern "C" fn find(sought: u64) -> i32 {
    let size = core::arch::wasm32::memory_size(0) << 16;
    let mut found = 0;
    for p in (0..size).step_by(8) {
        let v = unsafe { (p as *const u64).read_volatile() };
        if v.wrapping_mul(0x9e3779b97f4a7c15) == sought {
            found |= 1;
        }
    }
    found
}

#[no_mangle]
pub extern "C" fn grow(pages: u32) -> i32 {
    (core::arch::wasm32::memory_grow(0, pages as usize) != usize::MAX) as i32
}
