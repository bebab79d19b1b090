#include "wedge.h"

WEDGE_ON_REQUEST {
	if (!wedge_equal(wedge_path(), wedge_s("/hello")))
		return WEDGE_GO_ON; /* the cache, then the origin */
	wedge_str name = wedge_config("name");
	if (!wedge_is(name))
		name = wedge_s("world");
	WEDGE_TRY(wedge_respond(200, WEDGE_JOIN(wedge_s("Hello, "), name, wedge_s(", from the edge\n"))));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Content-Type", wedge_s("text/plain; charset=utf-8")));
	return WEDGE_ANSWERED;
}
