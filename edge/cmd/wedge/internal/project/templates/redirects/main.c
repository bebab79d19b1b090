#include "wedge.h"

enum { longest = 1024 }; // bytes that a key may have; a path may have more

WEDGE_ON_REQUEST {
	wedge_str path = wedge_path();
	if (path.len > longest)
		return WEDGE_GO_ON;
	wedge_entry to;
	int found = wedge_kv_get("redirects", path, &to);
	if (found == WEDGE_STATUS_ABSENT)
		return WEDGE_GO_ON;
	WEDGE_TRY(found);
	WEDGE_TRY(wedge_respond(301, wedge_s("")));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Location", to.value));
	return WEDGE_ANSWERED;
}
