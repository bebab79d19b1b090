// Sets X-Device by User-Agent on each response: a filter for proxy-wasm, https://github.com/proxy-wasm/spec
#include "../c/find.h"

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2 };
enum { OK = 0 };
enum { CONTINUE = 0 };

IMPORT(proxy_get_header_map_value) int proxy_get_header_map_value(int map, const char *name, int name_len, char **value, int *value_len);
IMPORT(proxy_replace_header_map_value) int proxy_replace_header_map_value(int map, const char *name, int name_len, const char *value, int value_len);

// What the host hands over is looked at before the next thing comes, so all of it may have one place.
static char room[4096];

EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1(void) {}
EXPORT(proxy_on_memory_allocate) char *proxy_on_memory_allocate(int len) { return len <= (int)sizeof room ? room : 0; }
EXPORT(proxy_on_context_create) void proxy_on_context_create(int context, int parent) {}

EXPORT(proxy_on_response_headers) int proxy_on_response_headers(int context, int fields, int end) {
	char *agent;
	int len;
	int mobile = proxy_get_header_map_value(REQUEST_HEADERS, "user-agent", 10, &agent, &len) == OK && find(agent, len, "Mobile", 6) >= 0;
	if (mobile)
		proxy_replace_header_map_value(RESPONSE_HEADERS, "x-device", 8, "mobile", 6);
	else
		proxy_replace_header_map_value(RESPONSE_HEADERS, "x-device", 8, "desktop", 7);
	return CONTINUE;
}
