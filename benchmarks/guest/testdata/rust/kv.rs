// Sets X-Link to what the store has under the key in X-Key, on each response.

#[link(wasm_import_module = "wedge")]
extern "C" {
    fn field(message: i32, name: *const u8, name_len: usize, index: i32, value: *mut u8, capacity: usize) -> i32;
    fn field_set(message: i32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
    fn kv_open(name: *const u8, name_len: usize) -> i32;
    fn kv_get(store: i32, key: *const u8, key_len: usize, value: *mut u8, capacity: usize, about: *mut [u64; 2]) -> i32;
}

#[no_mangle]
pub extern "C" fn wedge_abi_v1() {}

#[no_mangle]
pub extern "C" fn on_response() -> i32 {
    let (mut room, mut value, mut about) = ([0u8; 64], [0u8; 256], [0u64; 2]);
    let (name, store) = ("X-Key", "links");
    let n = unsafe { field(0, name.as_ptr(), name.len(), 0, room.as_mut_ptr(), room.len()) };
    let key = room.get(..n.max(0) as usize).unwrap_or(&[]);
    let n = unsafe { kv_get(kv_open(store.as_ptr(), store.len()), key.as_ptr(), key.len(), value.as_mut_ptr(), value.len(), &mut about) };
    if n < 0 {
        return 0;
    }
    let (name, link) = ("X-Link", value.get(..n as usize).unwrap_or(&[]));
    unsafe { field_set(1, name.as_ptr(), name.len(), link.as_ptr(), link.len()) }
}
