// Sets X-Link to what the store has under the key in X-Key, on each response.

@external("wedge", "field")
declare function field(message: i32, name: usize, nameLength: i32, index: i32, value: usize, capacity: i32): i32;

@external("wedge", "field_set")
declare function fieldSet(message: i32, name: usize, nameLength: i32, value: usize, valueLength: i32): i32;

@external("wedge", "kv_open")
declare function open(name: usize, nameLength: i32): i32;

@external("wedge", "kv_get")
declare function read(store: i32, key: usize, keyLength: i32, value: usize, capacity: i32, about: usize): i32;

export function wedge_abi_v1(): void {}

const KEY = String.UTF8.encode("X-Key");
const LINK = String.UTF8.encode("X-Link");
const STORE = String.UTF8.encode("links");
const key = new ArrayBuffer(64);
const value = new ArrayBuffer(256);
const about = new ArrayBuffer(16);

export function on_response(): i32 {
	const length = field(0, changetype<usize>(KEY), KEY.byteLength, 0, changetype<usize>(key), key.byteLength);
	if (length <= 0 || length > key.byteLength) return 0;
	const store = open(changetype<usize>(STORE), STORE.byteLength);
	const n = read(store, changetype<usize>(key), length, changetype<usize>(value), value.byteLength, changetype<usize>(about));
	if (n < 0 || n > value.byteLength) return 0;
	return fieldSet(1, changetype<usize>(LINK), LINK.byteLength, changetype<usize>(value), n);
}
