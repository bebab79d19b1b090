#include "main.c"
#include "wedge_fake.h"

#define WANT(condition) do { if (!(condition)) return fake_failed(__FILE__, __LINE__); } while (0)

static bool has(const char *part) { return wedge_find(fake.body[WEDGE_MESSAGE_RESPONSE], wedge_s(part)) >= 0; }

int main(void) {
	/* Open: everything goes on. */
	fake_store("maintenance");
	fake_begin("GET", "https://www.example/");
	WANT(on_request() == WEDGE_GO_ON);

	/* Closed: people see a page, programs an object, and who has the pass the site. */
	fake_list_put(fake_store("maintenance"), "notice", "Back at <\"noon\">");
	fake_list_put(fake.secret, "pass", "mole-17");
	fake_begin("GET", "https://www.example/");
	WANT(on_request() == WEDGE_ANSWERED && fake.status == 503);
	WANT(has("<p>Back at &lt;&#34;noon&#34;&gt;</p>") && strcmp(fake_field(WEDGE_MESSAGE_RESPONSE, "Retry-After"), "120") == 0);

	fake_begin("GET", "https://www.example/");
	wedge_field_set(WEDGE_MESSAGE_REQUEST, "Accept", wedge_s("application/json"));
	WANT(on_request() == WEDGE_ANSWERED && has("\"detail\":\"Back at <\\\"noon\\\">\""));

	fake_begin("GET", "https://www.example/");
	wedge_field_set(WEDGE_MESSAGE_REQUEST, "Cookie", wedge_s("a=b; maintenance-pass=mole-17"));
	WANT(on_request() == WEDGE_GO_ON && fake.bypass);

	/* The origin failed. */
	fake_begin("GET", "https://www.example/x");
	fake.failure = "origin-timeout";
	WANT(on_error() == WEDGE_ANSWERED && fake.status == 503 && has("Sorry, that did not work"));
	WANT(strstr(fake.log, "warn: the origin failed why=origin-timeout path=/x"));

	/* A setting that is none. */
	fake_list_put(fake.config, "retry_after", "soon");
	WANT(on_error() == 2);
	WANT(strstr(fake.log, "error: on_error: config retry_after: a number of seconds, from 1 (main.c:"));
	return 0;
}
