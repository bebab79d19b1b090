// Sets X-Device by User-Agent on each response.

@external("wedge", "field")
declare function field(message: i32, name: usize, nameLength: i32, index: i32, value: usize, capacity: i32): i32;

@external("wedge", "field_set")
declare function fieldSet(message: i32, name: usize, nameLength: i32, value: usize, valueLength: i32): i32;

export function wedge_abi_v1(): void {}

const AGENT = String.UTF8.encode("User-Agent");
const DEVICE = String.UTF8.encode("X-Device");
const MOBILE = String.UTF8.encode("mobile");
const DESKTOP = String.UTF8.encode("desktop");
const room = new ArrayBuffer(512);

export function on_response(): i32 {
	const n = field(0, changetype<usize>(AGENT), AGENT.byteLength, 0, changetype<usize>(room), room.byteLength);
	let device = DESKTOP;
	if (n > 0 && n <= room.byteLength && String.UTF8.decodeUnsafe(changetype<usize>(room), n).includes("Mobile")) device = MOBILE;
	return fieldSet(1, changetype<usize>(DEVICE), DEVICE.byteLength, changetype<usize>(device), device.byteLength);
}
