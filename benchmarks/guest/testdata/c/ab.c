// Sets X-Cohort to the one that the cookie names, on each response.
#include "wedge.h"

EXPORT(on_response) int on_response(void) {
	char cookie[512];
	int len = field(REQUEST, "Cookie", 6, 0, cookie, sizeof cookie);
	if (len > 0 && len <= (int)sizeof cookie) {
		int at = find(cookie, len, "cohort=b", 8);
		int begins = at == 0 || (at > 1 && cookie[at - 1] == ' ' && cookie[at - 2] == ';');
		if (at >= 0 && begins && (at + 8 == len || cookie[at + 8] == ';'))
			return field_set(RESPONSE, "X-Cohort", 8, "b", 1);
	}
	return field_set(RESPONSE, "X-Cohort", 8, "a", 1);
}
