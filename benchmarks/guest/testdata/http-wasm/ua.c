// Sets X-Device by User-Agent on each response: middleware for http-wasm, https://http-wasm.io/http-handler-abi/
#include "../c/find.h"

#define IMPORT(name) __attribute__((import_module("http_handler"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

enum { REQUEST, RESPONSE };
enum { BUFFER_RESPONSE = 2 };

// Counts are in the upper half of what get_header_values returns, lengths in the lower; each value ends with a zero byte.
IMPORT(get_header_values) long long get_header_values(int kind, const char *name, int name_len, char *values, int limit);
IMPORT(set_header_value) void set_header_value(int kind, const char *name, int name_len, const char *value, int value_len);
IMPORT(enable_features) int enable_features(int features);

// Without it a response cannot be changed once the next handler has made it.
EXPORT(_initialize) void initialize(void) { enable_features(BUFFER_RESPONSE); }

EXPORT(handle_request) long long handle_request(void) { return 1; } // go on

EXPORT(handle_response) void handle_response(int context, int is_error) {
	char agent[512];
	long long got = get_header_values(REQUEST, "User-Agent", 10, agent, sizeof agent);
	int len = (int)got;
	if (got >> 32 > 0 && len <= (int)sizeof agent && find(agent, len, "Mobile", 6) >= 0)
		set_header_value(RESPONSE, "X-Device", 8, "mobile", 6);
	else
		set_header_value(RESPONSE, "X-Device", 8, "desktop", 7);
}
