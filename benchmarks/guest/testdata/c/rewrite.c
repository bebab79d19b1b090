// Writes 4 for each a in the body, on each response.
#include "wedge.h"

static char content[32 << 10];

EXPORT(on_response) int on_response(void) {
	int len = body(RESPONSE, content, sizeof content);
	if (len < 0 || len > (int)sizeof content) return -1;
	for (int i = 0; i < len; i++)
		if (content[i] == 'a') content[i] = '4';
	return body_set(RESPONSE, content, len);
}
