// Leaves a mark wherever a C program can keep one, and looks for the mark of somebody else.
#include <stdint.h>
#include <stdlib.h>

#define EXPORT(name) __attribute__((export_name(#name)))

// Of probe.s: what C has no words for.
void set_kept(uint64_t v);
uint64_t kept_value(void);
void copy_entry(uint32_t to, uint32_t from);

static volatile uint64_t initialised[2] = {1, 2}; // in a data segment
static volatile uint64_t zero[4];                 // behind it
static uint64_t *volatile held;                   // on the heap

static int one(int x) { return x + 1; }
static int two(int x) { return x + 2; }
static int (*volatile entries[2])(int) = {one, two}; // so that the table has them

EXPORT(mark) void mark(uint64_t m) {
	volatile uint64_t deep[64]; // on the stack in memory
	for (int i = 0; i < 64; i++) deep[i] = 0;
	deep[40] = m;
	initialised[1] = m;
	zero[2] = m;
	uint64_t *h = malloc(64), *freed = malloc(64);
	if (!h || !freed) __builtin_trap();
	*(volatile uint64_t *)&h[3] = m;
	*(volatile uint64_t *)&freed[5] = m;
	free(freed);
	held = h;
	set_kept(m);
	copy_entry((uint32_t)entries[0], (uint32_t)entries[1]);
}

EXPORT(find) int find(uint64_t sought) {
	int found = 0;
	uintptr_t size = __builtin_wasm_memory_size(0) << 16;
	for (uintptr_t p = 0; p != size; p += 8)
		if (*(volatile uint64_t *)p * 0x9e3779b97f4a7c15 == sought) found |= 1;
	if (kept_value() * 0x9e3779b97f4a7c15 == sought) found |= 2;
	if (entries[0](1) != 2) found |= 4;
	return found;
}

EXPORT(grow) int grow(uint32_t pages) { return __builtin_wasm_memory_grow(0, pages) != (size_t)-1; }
