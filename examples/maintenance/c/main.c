/* Shows a page of its own when the origin fails, and when the operator says so. */
#include "wedge.h"

/* The text with some of its characters written as others. */
static wedge_str replaced(wedge_str s, const char *from, const char *const to[]) {
	size_t len = 0;
	for (size_t i = 0; i < s.len; i++) {
		ptrdiff_t at = wedge_find(wedge_s(from), wedge_bytes(&s.data[i], 1));
		len += at < 0 ? 1 : strlen(to[at]);
	}
	char *text = wedge_alloc(len), *end = text;
	for (size_t i = 0; i < s.len; i++) {
		ptrdiff_t at = wedge_find(wedge_s(from), wedge_bytes(&s.data[i], 1));
		wedge_str part = at < 0 ? wedge_bytes(&s.data[i], 1) : wedge_s(to[at]);
		memcpy(end, part.data, part.len);
		end += part.len;
	}
	return wedge_bytes(text, len);
}

/* A text as HTML. */
static wedge_str escaped(wedge_str s) {
	static const char *const to[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};
	return replaced(s, "&<>\"'", to);
}

/* A JSON string. Control characters become spaces: nobody needs one in a notice. */
static wedge_str quoted(wedge_str s) {
	static const char *const to[] = {"\\\\", "\\\""};
	wedge_str quote = wedge_s("\""), text = replaced(s, "\\\"", to);
	char *plain = wedge_alloc(text.len);
	for (size_t i = 0; i < text.len; i++)
		plain[i] = (unsigned char)text.data[i] < ' ' ? ' ' : text.data[i];
	return WEDGE_JOIN(quote, wedge_bytes(plain, text.len), quote);
}

/* Tells programs from people. */
static bool wants_json(void) {
	wedge_str accept = wedge_field(WEDGE_MESSAGE_REQUEST, "Accept");
	return wedge_find(accept, wedge_s("json")) >= 0 && wedge_find(accept, wedge_s("text/html")) < 0;
}

/* The page, or for programs an object of RFC 9457. The exchange's id leads from a complaint to the log. */
static wedge_str page(const char *title, wedge_str text) {
	if (wants_json())
		return WEDGE_JOIN(wedge_s("{\"title\":"), quoted(wedge_s(title)), wedge_s(",\"status\":503,\"detail\":"), quoted(text), wedge_s(",\"instance\":\""),
			wedge_id(), wedge_s("\"}\n"));
	wedge_str heading = escaped(wedge_s(title));
	return WEDGE_JOIN(wedge_s("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>"), heading,
		wedge_s("</title><style>body{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em}small{color:#666}</style><h1>"), heading,
		wedge_s("</h1><p>"), escaped(text), wedge_s("</p><p><small>"), wedge_id(), wedge_s("</small></p></html>\n"));
}

static int answer(const char *title, wedge_str text) {
	int64_t seconds = 120;
	wedge_str wait = wedge_config("retry_after");
	if (wedge_is(wait) && (!wedge_parse(wait, &seconds) || seconds < 1))
		return WEDGE_FAIL(wedge_s("config retry_after: a number of seconds, from 1"));
	WEDGE_TRY(wedge_respond(503, page(title, text)));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Content-Type", wedge_s(wants_json() ? "application/problem+json" : "text/html; charset=utf-8")));
	/* "the server MAY send a Retry-After header field … to suggest an appropriate amount of time for the client to wait before retrying the request."
	   https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4 */
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Retry-After", wedge_decimal(seconds)));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Cache-Control", wedge_s("no-store")));
	return WEDGE_ANSWERED;
}

/* Answers at once while the site is closed, except to those who work on it. An operator closes it by putting the page's text under "notice". */
WEDGE_ON_REQUEST {
	wedge_entry notice;
	int n = wedge_kv_get("maintenance", wedge_s("notice"), &notice);
	if (n == WEDGE_STATUS_ABSENT)
		return WEDGE_GO_ON;
	WEDGE_TRY(n);
	wedge_str pass = wedge_secret("pass"), cookie = wedge_cookie("maintenance-pass");
	if (wedge_is(pass) && wedge_is(cookie) && wedge_same_secret(pass, cookie))
		return wedge_bypass(); /* what they see is not for everybody yet */
	return answer("We are working on it", notice.value);
}

/* Answers for an origin that did not. It runs only where the cache has nothing stale that may stand in. */
WEDGE_ON_ERROR {
	WEDGE_LOG(WEDGE_LEVEL_WARN, wedge_s("the origin failed"), {wedge_s("why"), wedge_failure()}, {wedge_s("path"), wedge_path()});
	return answer("Sorry, that did not work", wedge_s("The page could not be fetched. It was our fault, and we have been told."));
}
