#include "wedge.h"

WEDGE_ON_REQUEST {
	wedge_str key = wedge_secret("key"), bearer = wedge_s("Bearer ");
	if (key.len < 16)
		return WEDGE_FAIL(wedge_s("secret key: set one of 16 bytes or more"));
	wedge_str credentials = wedge_field(WEDGE_MESSAGE_REQUEST, "Authorization");
	if (wedge_has_prefix(credentials, bearer) && wedge_same_secret(wedge_from(credentials, bearer.len), key)) {
		/* What is answered may be for this user only: past the cache. */
		WEDGE_TRY(wedge_bypass());
		return wedge_field_remove(WEDGE_MESSAGE_REQUEST, "Authorization");
	}
	wedge_str challenge = WEDGE_JOIN(wedge_s("Bearer realm=\"wedge\""), wedge_s(credentials.len ? ", error=\"invalid_token\"" : ""));
	WEDGE_TRY(wedge_respond(401, wedge_s("who are you?\n")));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "WWW-Authenticate", challenge));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Cache-Control", wedge_s("no-store")));
	return WEDGE_ANSWERED;
}
