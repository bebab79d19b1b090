// Does what functions at the edge do, as a C program does it. All languages' work has the same results.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name)))

static const char block[] =
	"Host: shop.example\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0\r\n"
	"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"
	"Accept-Language: de-CH,de;q=0.8,en;q=0.5\r\n"
	"Accept-Encoding: gzip, deflate, br, zstd\r\n"
	"Referer: https://shop.example/shoes?page=2\r\n"
	"Cookie: theme=dark; consent=yes; session=6f2c0d9a41b7e835; cart=3\r\n"
	"DNT: 1\r\n"
	"Connection: keep-alive\r\n"
	"Upgrade-Insecure-Requests: 1\r\n"
	"Sec-Fetch-Dest: document\r\n"
	"Sec-Fetch-Mode: navigate\r\n"
	"Sec-Fetch-Site: same-origin\r\n"
	"If-None-Match: \"a81f-5e1\"\r\n"
	"Cache-Control: max-age=0\r\n"
	"X-Forwarded-For: 192.0.2.7\r\n"
	"X-Forwarded-Proto: https\r\n"
	"X-Request-Id: f27cce38860d3c63\r\n"
	"Priority: u=0, i\r\n"
	"X-Round: 0\r\n";

static const char document[] =
	"{\"round\":0,\"order\":{\"id\":48213,\"paid\":true,\"note\":\"leave it \\\"at\\\" the door\",\"lines\":[{\"sku\":\"A-1\","
	"\"count\":2,\"price\":1999,\"tags\":[\"shoe\",\"red\",\"sale\"]},{\"sku\":\"B-17\",\"count\":1,\"price\":450,"
	"\"tags\":[]},{\"sku\":\"C-204\",\"count\":12,\"price\":75,\"tags\":[\"sock\",\"wool\"]}]},\"customer\":{\"name\":\"Ada Example\","
	"\"city\":\"Zurich\",\"since\":2019,\"vip\":false,\"points\":[12,40,-7,388]}}";

typedef struct {
	const char *name, *value;
	int name_len, value_len;
} field;

static char lower(char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

static int same(const char *a, int n, const char *b) { return (size_t)n == strlen(b) && !memcmp(a, b, n); }

static uint64_t hash(uint64_t h, const char *p, int n) {
	for (int i = 0; i < n; i++) h = (h ^ (uint8_t)p[i]) * 0x100000001b3;
	return h;
}

static const field *lookup(const field *f, int n, const char *name) {
	for (int i = 0; i < n; i++)
		if (same(f[i].name, f[i].name_len, name)) return &f[i];
	__builtin_trap();
}

EXPORT(headers) uint64_t headers(uint32_t n) {
	uint64_t sum = 0;
	char buf[sizeof block];
	field fields[32];
	for (uint32_t round = 0; round < n; round++) {
		memcpy(buf, block, sizeof block);
		buf[sizeof block - 4] = '0' + round % 10;
		uint64_t h = 0xcbf29ce484222325;
		int count = 0;
		for (char *p = buf; *p;) {
			field *f = &fields[count++];
			char *colon = strchr(p, ':'), *end = strstr(p, "\r\n");
			for (char *q = p; q < colon; q++) *q = lower(*q);
			f->name = p, f->name_len = colon - p;
			f->value = colon + 2, f->value_len = end - f->value;
			h = hash(hash(h, f->name, f->name_len), f->value, f->value_len);
			p = end + 2;
		}
		const field *cookie = lookup(fields, count, "cookie");
		int session = 0;
		for (const char *p = cookie->value, *end = p + cookie->value_len; p < end;) {
			const char *next = p, *equal = memchr(p, '=', end - p);
			while (next < end && *next != ';') next++;
			if (same(p, equal - p, "session")) session = next - equal - 1;
			p = next + 2;
		}
		sum = sum * 31 + h + session + lookup(fields, count, "host")->value_len +
			lookup(fields, count, "accept-language")->value_len + lookup(fields, count, "x-round")->value[0];
	}
	return sum;
}

// value adds up a JSON value: its integers, the lengths of its strings, one for each true.
static const char *value(const char *p, int64_t *sum) {
	switch (*p) {
	case '{': case '[':
		for (p++; *p != '}' && *p != ']';) {
			p = value(p, sum);
			if (*p == ',' || *p == ':') p++;
		}
		return p + 1;
	case '"':
		for (p++; *p != '"'; p++, (*sum)++)
			if (*p == '\\') p++;
		return p + 1;
	case 't': ++*sum; return p + 4;
	case 'f': return p + 5;
	case 'n': return p + 4;
	}
	int64_t v = 0, sign = 1;
	if (*p == '-') sign = -1, p++;
	for (; *p >= '0' && *p <= '9'; p++) v = v * 10 + (*p - '0');
	*sum += sign * v;
	return p;
}

EXPORT(json) uint64_t json(uint32_t n) {
	uint64_t sum = 0;
	char buf[sizeof document];
	memcpy(buf, document, sizeof document);
	for (uint32_t round = 0; round < n; round++) {
		buf[9] = '0' + round % 10;
		int64_t one = 0;
		value(buf, &one);
		sum = sum * 31 + one;
	}
	return sum;
}

EXPORT(loop) uint64_t loop(uint32_t n) {
	uint64_t x = 0;
	for (uint32_t i = 0; i < n; i++) x = x * 6364136223846793005 + i;
	return x;
}

EXPORT(crc) uint64_t crc(uint32_t n) {
	static uint32_t table[256];
	static uint8_t data[4096];
	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;
			for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
			table[i] = c;
		}
	for (int i = 0; i < 4096; i++) data[i] = i * 31;
	uint64_t sum = 0;
	for (uint32_t round = 0; round < n; round++) {
		uint32_t c = ~round;
		for (int i = 0; i < 4096; i++) c = table[(c ^ data[i]) & 255] ^ c >> 8;
		sum = sum * 31 + c;
	}
	return sum;
}

typedef struct node { struct node *left, *right; } node;

static node *grown(int depth) {
	node *t = malloc(sizeof *t);
	t->left = depth ? grown(depth - 1) : 0;
	t->right = depth ? grown(depth - 1) : 0;
	return t;
}

static int64_t count(const node *t) { return t ? 1 + count(t->left) + count(t->right) : 0; }

static void drop(node *t) {
	if (!t) return;
	drop(t->left), drop(t->right);
	free(t);
}

EXPORT(alloc) uint64_t alloc(uint32_t n) {
	uint64_t sum = 0;
	for (uint32_t round = 0; round < n; round++) {
		node *t = grown(8);
		sum = sum * 31 + count(t);
		drop(t);
	}
	return sum;
}

static volatile uint8_t pages[32 * 4096];

EXPORT(touch) uint64_t touch(uint32_t n) {
	for (uint32_t i = 0; i < n && i < 32; i++) pages[i * 4096 + 17]++;
	return n;
}

EXPORT(empty) uint64_t empty(uint32_t n) { return n; }
