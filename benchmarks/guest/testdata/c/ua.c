// Sets X-Device by User-Agent on each response.
#include "wedge.h"

EXPORT(on_response) int on_response(void) {
	char agent[512];
	int len = field(REQUEST, "User-Agent", 10, 0, agent, sizeof agent);
	if (len > 0 && len <= (int)sizeof agent && find(agent, len, "Mobile", 6) >= 0)
		return field_set(RESPONSE, "X-Device", 8, "mobile", 6);
	return field_set(RESPONSE, "X-Device", 8, "desktop", 7);
}
