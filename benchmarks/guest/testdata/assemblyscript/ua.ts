// Sets X-Device by User-Agent on each response.

@external("wedge", "field")
declare function field(message: i32, name: usize, nameLength: i32, index: i32, value: usize, capacity: i32): i32;

@external("wedge", "field_set")
declare function fieldSet(message: i32, name: usize, nameLength: i32, value: usize, valueLength: i32): i32;

export function wedge_abi_v1(): void {}

const AGENT = String.UTF8.encode("User-Agent");
const DEVICE = String.UTF8.encode("X-Device");
const WORD = String.UTF8.encode("Mobile");
const MOBILE = String.UTF8.encode("mobile");
const DESKTOP = String.UTF8.encode("desktop");
const room = new ArrayBuffer(512);

// contains tells whether a word is in a text, both in UTF-8: what came is not decoded for that.
function contains(text: usize, length: i32, word: usize, wordLength: i32): bool {
	const ones: u64 = 0x0101010101010101;
	const first = ones * load<u8>(word);
	const last = text + length - wordLength;
	for (let at = text; at <= last; at++) {
		if (at + 8 <= text + length) { // eight bytes at once that may be the word's first
			const v = load<u64>(at) ^ first;
			const zero = (v - ones) & ~v & (ones << 7);
			if (!zero) {
				at += 7;
				continue;
			}
			at += <usize>(ctz(zero) >> 3);
			if (at > last) break;
		}
		if (memory.compare(at, word, wordLength) == 0) return true;
	}
	return false;
}

export function on_response(): i32 {
	const n = field(0, changetype<usize>(AGENT), AGENT.byteLength, 0, changetype<usize>(room), room.byteLength);
	let device = DESKTOP;
	if (n > 0 && n <= room.byteLength && contains(changetype<usize>(room), n, changetype<usize>(WORD), WORD.byteLength)) device = MOBILE;
	return fieldSet(1, changetype<usize>(DEVICE), DEVICE.byteLength, changetype<usize>(device), device.byteLength);
}
