// Sets X-Link to what the store has under the key in X-Key, on each response.
#include "wedge.h"

IMPORT(kv_open) int kv_open(const char *name, int name_len);
IMPORT(kv_get) int kv_get(int store, const char *key, int key_len, char *value, int capacity, long long about[2]);

EXPORT(on_response) int on_response(void) {
	char key[64], value[256];
	long long about[2];
	int len = field(REQUEST, "X-Key", 5, 0, key, sizeof key);
	if (len <= 0 || len > (int)sizeof key) return 0;
	int n = kv_get(kv_open("links", 5), key, len, value, sizeof value, about);
	if (n < 0 || n > (int)sizeof value) return 0;
	return field_set(RESPONSE, "X-Link", 6, value, n);
}
