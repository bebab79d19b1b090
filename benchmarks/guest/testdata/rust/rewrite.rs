// Writes 4 for each a in the body, on each response.

#[link(wasm_import_module = "wedge")]
extern "C" {
    fn body(message: i32, content: *mut u8, capacity: usize) -> i32;
    fn body_set(message: i32, content: *const u8, len: usize) -> i32;
}

#[no_mangle]
pub extern "C" fn wedge_abi_v1() {}

static mut ROOM: [u8; 32 << 10] = [0; 32 << 10];

#[no_mangle]
pub extern "C" fn on_response() -> i32 {
    let room = unsafe { &mut *core::ptr::addr_of_mut!(ROOM) };
    let n = unsafe { body(1, room.as_mut_ptr(), room.len()) };
    let content = match room.get_mut(..n.max(0) as usize) {
        Some(content) => content,
        None => return -1,
    };
    for c in content.iter_mut() {
        if *c == b'a' {
            *c = b'4';
        }
    }
    unsafe { body_set(1, content.as_ptr(), content.len()) }
}
