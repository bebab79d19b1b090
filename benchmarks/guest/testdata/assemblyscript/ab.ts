// Sets X-Cohort to the one that the cookie names, on each response.

@external("wedge", "field")
declare function field(message: i32, name: usize, nameLength: i32, index: i32, value: usize, capacity: i32): i32;

@external("wedge", "field_set")
declare function fieldSet(message: i32, name: usize, nameLength: i32, value: usize, valueLength: i32): i32;

export function wedge_abi_v1(): void {}

const COOKIE = String.UTF8.encode("Cookie");
const COHORT = String.UTF8.encode("X-Cohort");
const PAIR = String.UTF8.encode("cohort=b");
const A = String.UTF8.encode("a");
const B = String.UTF8.encode("b");
const room = new ArrayBuffer(512);

// named tells whether the pair is one of those in the field.
function named(text: usize, length: i32): bool {
	const end = text + length;
	for (let at = text; at < end; ) {
		while (at < end && load<u8>(at) == 32) at++;
		let stop = at;
		while (stop < end && load<u8>(stop) != 59) stop++; // ;
		if (stop - at == PAIR.byteLength && memory.compare(at, changetype<usize>(PAIR), PAIR.byteLength) == 0) return true;
		at = stop + 1;
	}
	return false;
}

export function on_response(): i32 {
	const n = field(0, changetype<usize>(COOKIE), COOKIE.byteLength, 0, changetype<usize>(room), room.byteLength);
	const cohort = n > 0 && n <= room.byteLength && named(changetype<usize>(room), n) ? B : A;
	return fieldSet(1, changetype<usize>(COHORT), COHORT.byteLength, changetype<usize>(cohort), cohort.byteLength);
}
