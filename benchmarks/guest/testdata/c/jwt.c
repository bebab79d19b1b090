// Lets a request pass whose X-Token is a JWT, signed by HS256 and not expired, and answers 401 otherwise.
#include "wedge.h"

static const char key[] = "a key that is only for measuring";

static int digit(char c) {
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

// decode reads base64url without padding; -1 if it is none.
static int decode(const char *from, int len, char *to) {
	int bits = 0, have = 0, n = 0;
	for (int i = 0; i < len; i++) {
		int d = digit(from[i]);
		if (d < 0) return -1;
		bits = (bits << 6 | d) & 0xffffff;
		if ((have += 6) >= 8) to[n++] = (char)(bits >> (have -= 8));
	}
	return n;
}

static int good(const char *token, int len) {
	int one = find(token, len, ".", 1);
	if (one < 0) return 0;
	int two = find(token + one + 1, len - one - 1, ".", 1);
	if (two < 0) return 0;
	two += one + 1;
	char signature[512], code[32], text[512];
	int n = decode(token + two + 1, len - two - 1, signature);
	if (n != 32 || hmac(SHA256, key, sizeof key - 1, token, two, code, sizeof code) != 32 || equal(signature, n, code, 32) != 1) return 0;
	n = decode(token, one, text);
	if (n < 0 || find(text, n, "\"alg\":\"HS256\"", 13) < 0) return 0;
	n = decode(token + one + 1, two - one - 1, text);
	int at = n < 0 ? -1 : find(text, n, "\"exp\":", 6);
	if (at < 0) return 0;
	long long ends = 0;
	for (at += 6; at < n && text[at] >= '0' && text[at] <= '9'; at++) ends = ends * 10 + (text[at] - '0');
	return ends > now() / 1000000000;
}

EXPORT(on_request) int on_request(void) {
	char token[512];
	int len = field(REQUEST, "X-Token", 7, 0, token, sizeof token);
	if (len > 0 && len <= (int)sizeof token && good(token, len)) return 0;
	respond(401, "", 0);
	return 1;
}
