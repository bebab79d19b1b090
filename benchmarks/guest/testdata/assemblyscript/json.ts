// Reads the body, {"id":…,"items":[{"price":…,"stock":…},…]}, and puts {"id":…,"total":…} in its place, on each response.

@external("wedge", "body")
declare function body(message: i32, content: usize, capacity: i32): i32;

@external("wedge", "body_set")
declare function bodySet(message: i32, content: usize, length: i32): i32;

export function wedge_abi_v1(): void {}

const room = new ArrayBuffer(16 << 10);

// The text that is read, once from its beginning to its end; at is past the end after an error.
let at: usize = 0;
let end: usize = 0;

// Where a string or name began that was read last, and its bytes.
let word: usize = 0;
let wordLength: i32 = 0;

function fail(): bool {
	at = end + 1;
	return false;
}

function takes(c: u8): bool {
	while (at < end && (load<u8>(at) == 32 || load<u8>(at) == 10 || load<u8>(at) == 9 || load<u8>(at) == 13)) at++;
	if (at >= end || load<u8>(at) != c) return false;
	at++;
	return true;
}

function string(): bool {
	if (!takes(0x22)) return fail();
	word = at;
	while (at < end && load<u8>(at) != 0x22) at += load<u8>(at) == 0x5c ? 2 : 1;
	if (at >= end) return fail();
	wordLength = <i32>(at - word);
	at++;
	return true;
}

function name(): bool {
	return string() && (takes(0x3a) || fail());
}

function is(text: ArrayBuffer): bool {
	return wordLength == text.byteLength && memory.compare(word, changetype<usize>(text), wordLength) == 0;
}

function number(): i64 {
	const minus = takes(0x2d);
	if (at >= end || load<u8>(at) < 48 || load<u8>(at) > 57) fail();
	let v: i64 = 0;
	while (at < end && load<u8>(at) >= 48 && load<u8>(at) <= 57) v = v * 10 + (load<u8>(at++) - 48);
	return minus ? -v : v;
}

// more tells whether there is another member of an object, or element of an array, before its end; the first has no comma before it.
function more(close: u8, first: bool): bool {
	if (at > end || takes(close)) return false;
	return first || takes(0x2c) || fail();
}

function letter(): bool {
	return at < end && load<u8>(at) >= 97 && load<u8>(at) <= 122;
}

function skip(depth: i32): void {
	if (depth > 32) {
		fail();
	} else if (takes(0x7b)) {
		for (let first = true; more(0x7d, first) && name(); first = false) skip(depth + 1);
	} else if (takes(0x5b)) {
		for (let first = true; more(0x5d, first); first = false) skip(depth + 1);
	} else if (at < end && load<u8>(at) == 0x22) {
		string();
	} else if (letter()) {
		while (letter()) at++; // true, false, null
	} else {
		number();
	}
}

const ID = String.UTF8.encode("id");
const ITEMS = String.UTF8.encode("items");
const PRICE = String.UTF8.encode("price");
const STOCK = String.UTF8.encode("stock");

function items(): i64 {
	let total: i64 = 0;
	if (!takes(0x5b)) fail();
	for (let first = true; more(0x5d, first); first = false) {
		let price: i64 = 0;
		let stock: i64 = 0;
		if (!takes(0x7b)) fail();
		for (let start = true; more(0x7d, start) && name(); start = false) {
			if (is(PRICE)) price = number();
			else if (is(STOCK)) stock = number();
			else skip(0);
		}
		total += price * stock;
	}
	return total;
}

export function on_response(): i32 {
	const n = body(1, changetype<usize>(room), room.byteLength);
	if (n < 0 || n > room.byteLength) return -1;
	at = changetype<usize>(room);
	end = at + n;
	let id: i64 = 0;
	let total: i64 = 0;
	if (!takes(0x7b)) fail();
	for (let first = true; more(0x7d, first) && name(); first = false) {
		if (is(ID)) id = number();
		else if (is(ITEMS)) total = items();
		else skip(0);
	}
	if (at > end) return -1;
	const out = String.UTF8.encode(`{"id":${id},"total":${total}}`);
	return bodySet(1, changetype<usize>(out), out.byteLength);
}
