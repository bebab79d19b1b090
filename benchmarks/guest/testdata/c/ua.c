// Sets X-Device by User-Agent on each response.

#define IMPORT(name) __attribute__((import_module("wedge"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

enum { REQUEST, RESPONSE };

IMPORT(field) int field(int message, const char *name, int name_len, int index, char *value, int capacity);
IMPORT(field_set) int field_set(int message, const char *name, int name_len, const char *value, int value_len);

EXPORT(wedge_abi_v1) void wedge_abi_v1(void) {}

static int contains(const char *text, int len, const char *word, int word_len) {
	for (int i = 0; i + word_len <= len; i++) {
		int j = 0;
		while (j < word_len && text[i + j] == word[j]) j++;
		if (j == word_len) return 1;
	}
	return 0;
}

EXPORT(on_response) int on_response(void) {
	char agent[512];
	int len = field(REQUEST, "User-Agent", 10, 0, agent, sizeof agent);
	if (len > 0 && len <= (int)sizeof agent && contains(agent, len, "Mobile", 6))
		return field_set(RESPONSE, "X-Device", 8, "mobile", 6);
	return field_set(RESPONSE, "X-Device", 8, "desktop", 7);
}
