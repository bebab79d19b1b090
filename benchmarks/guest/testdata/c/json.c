// Reads the body, {"id":…,"items":[{"price":…,"stock":…},…]}, and puts {"id":…,"total":…} in its place, on each response.
#include "wedge.h"

static char content[16 << 10];

// A reader goes through a text once. at is past end after an error.
struct reader { const char *at, *end; };

struct text { const char *at; int len; };

static void blank(struct reader *r) {
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

static int fail(struct reader *r) {
	r->at = r->end + 1;
	return 0;
}

// takes goes past a character if it is the next.
static int takes(struct reader *r, char c) {
	blank(r);
	if (r->at >= r->end || *r->at != c) return 0;
	r->at++;
	return 1;
}

// string is what stands between quotes, escapes as they are.
static struct text string(struct reader *r) {
	struct text t = {0, 0};
	if (!takes(r, '"')) return fail(r), t;
	t.at = r->at;
	while (r->at < r->end && *r->at != '"') r->at += *r->at == '\\' ? 2 : 1;
	if (r->at >= r->end) return fail(r), t;
	t.len = (int)(r->at++ - t.at);
	return t;
}

static long long number(struct reader *r) {
	blank(r);
	int minus = takes(r, '-');
	if (r->at >= r->end || *r->at < '0' || *r->at > '9') return fail(r);
	long long v = 0;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9') v = v * 10 + (*r->at++ - '0');
	return minus ? -v : v;
}

static int same(struct text t, const char *name, int len) {
	int i = 0;
	while (i < len && t.len == len && t.at[i] == name[i]) i++;
	return i == len;
}
#define IS(t, name) same(t, name, sizeof name - 1)

// members goes on to the next member of an object, or element of an array, until its end; the first has no comma before it.
static int members(struct reader *r, char end, int *first) {
	if (r->at > r->end || takes(r, end)) return 0;
	if (!*first && !takes(r, ',')) return fail(r);
	*first = 0;
	return 1;
}

static struct text name(struct reader *r) {
	struct text t = string(r);
	if (!takes(r, ':')) fail(r);
	return t;
}

static int letter(struct reader *r) { return r->at < r->end && *r->at >= 'a' && *r->at <= 'z'; }

static void skip(struct reader *r, int depth) {
	int first = 1;
	blank(r);
	if (r->at >= r->end || depth > 32) fail(r);
	else if (*r->at == '"') string(r);
	else if (takes(r, '{'))
		while (members(r, '}', &first)) name(r), skip(r, depth + 1);
	else if (takes(r, '['))
		while (members(r, ']', &first)) skip(r, depth + 1);
	else if (letter(r))
		while (letter(r)) r->at++; // true, false, null
	else
		number(r);
}

static long long items(struct reader *r) {
	long long total = 0;
	int first = 1;
	if (!takes(r, '[')) return fail(r);
	while (members(r, ']', &first)) {
		long long price = 0, stock = 0;
		int start = 1;
		if (!takes(r, '{')) return fail(r);
		while (members(r, '}', &start)) {
			struct text t = name(r);
			if (IS(t, "price")) price = number(r);
			else if (IS(t, "stock")) stock = number(r);
			else skip(r, 0);
		}
		total += price * stock;
	}
	return total;
}

static char *print(char *to, const char *text, long long v) {
	char digits[20];
	int n = 0;
	while (*text) *to++ = *text++;
	do digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n) *to++ = digits[--n];
	return to;
}

EXPORT(on_response) int on_response(void) {
	int len = body(RESPONSE, content, sizeof content);
	if (len < 0 || len > (int)sizeof content) return -1;
	struct reader r = {content, content + len};
	long long id = 0, total = 0;
	int first = 1;
	if (!takes(&r, '{')) return -1;
	while (members(&r, '}', &first)) {
		struct text t = name(&r);
		if (IS(t, "id")) id = number(&r);
		else if (IS(t, "items")) total = items(&r);
		else skip(&r, 0);
	}
	if (r.at > r.end || id < 0 || total < 0) return -1;
	char out[64], *to = print(print(out, "{\"id\":", id), ",\"total\":", total);
	*to++ = '}';
	return body_set(RESPONSE, out, (int)(to - out));
}
