// Sets X-Cohort to the one that the cookie names, on each response.

#[link(wasm_import_module = "wedge")]
extern "C" {
    fn field(message: i32, name: *const u8, name_len: usize, index: i32, value: *mut u8, capacity: usize) -> i32;
    fn field_set(message: i32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
}

#[no_mangle]
pub extern "C" fn wedge_abi_v1() {}

#[no_mangle]
pub extern "C" fn on_response() -> i32 {
    let mut room = [0u8; 512];
    let name = "Cookie";
    let n = unsafe { field(0, name.as_ptr(), name.len(), 0, room.as_mut_ptr(), room.len()) };
    let cookie = room.get(..n.max(0) as usize).unwrap_or(&[]);
    let b = cookie.split(|&c| c == b';').any(|pair| pair.strip_prefix(b" ").unwrap_or(pair) == b"cohort=b");
    let (name, cohort) = ("X-Cohort", if b { "b" } else { "a" });
    unsafe { field_set(1, name.as_ptr(), name.len(), cohort.as_ptr(), cohort.len()) }
}
