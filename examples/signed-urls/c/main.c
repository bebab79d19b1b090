/* Lets only those pass who have a URL that the site signed, until the time that stands in it, and stores one response for all of them. */
#include "wedge.h"

/* What a query holds: the three parameters of a signature, and the rest as it came. */
typedef struct {
	wedge_str expires;   /* seconds since 1970 */
	wedge_str prefix;    /* the path that the signature is good for, with all below it; empty: this path alone */
	wedge_str signature; /* of all that, in base64url without padding */
	wedge_str rest;
	int64_t until;
} signed_url;

/* Reads a query into u, and returns what is wrong with it, or null. */
static const char *read_query(wedge_str query, signed_url *u) {
	char *rest = wedge_alloc(query.len);
	wedge_str pair;
	while (wedge_cut(&query, '&', &pair)) {
		wedge_str value = pair, name, *to = NULL;
		wedge_cut(&value, '=', &name);
		if (wedge_equal(name, wedge_s("expires")))
			to = &u->expires;
		else if (wedge_equal(name, wedge_s("prefix")))
			to = &u->prefix;
		else if (wedge_equal(name, wedge_s("signature")))
			to = &u->signature;
		if (to) {
			/* Of two values the origin might believe the one that was not checked. */
			if (to->len)
				return "a parameter of the signature stands twice";
			*to = value;
		} else if (pair.len) {
			if (u->rest.len)
				rest[u->rest.len++] = '&';
			memcpy(rest + u->rest.len, pair.data, pair.len);
			u->rest = wedge_bytes(rest, u->rest.len + pair.len);
		}
	}
	if (u->signature.len && (!wedge_parse(u->expires, &u->until) || u->until < 0))
		return "expires is no number of seconds since 1970";
	return NULL;
}

/* 1 if the signature is right for this host and path, 0 if it is not, or a failure. */
static int is_good(const signed_url *u) {
	wedge_str what = wedge_path(), slash = wedge_s("/");
	if (u->prefix.len) {
		/* A prefix ends with a slash: "/films/7" would be good for /films/70 too. */
		if (!wedge_has_prefix(u->prefix, slash) || !wedge_has_suffix(u->prefix, slash) || !wedge_has_prefix(what, u->prefix))
			return 0;
		/* The node resolves "..", but to some origins "..;x" is the folder above as well. */
		for (size_t i = u->prefix.len - 1; i + 2 < what.len; i++)
			if (what.data[i] == '/' && what.data[i + 1] == '.' && what.data[i + 2] == '.')
				return 0;
		what = WEDGE_JOIN(u->prefix, wedge_s("*"));
	}
	/* All of the query is signed, unless the operator lets clients choose the rest. */
	bool free = u->prefix.len || wedge_equal(wedge_config("query"), wedge_s("free"));
	wedge_str line = wedge_s("\n");
	wedge_str claimed = wedge_base64url_decode(u->signature);
	if (!wedge_is(claimed))
		return 0;
	/* The secret stays with the node. Lines end each part, and none can hold a line's end. */
	wedge_str sum = wedge_hmac_secret(WEDGE_HASH_FUNCTION_SHA256, "key",
		WEDGE_JOIN(wedge_host(), line, what, line, wedge_decimal(u->until), line, free ? wedge_s("") : u->rest));
	if (!wedge_is(sum)) /* the operator's mistake, not the client's */
		return wedge_fail("hmac with secret", wedge_s("key"), WEDGE_STATUS_ABSENT);
	return wedge_same_secret(sum, claimed);
}

static int refuse(int status, const char *why) {
	WEDGE_TRY(wedge_respond(status, WEDGE_JOIN(wedge_s(why), wedge_s("\n"))));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Content-Type", wedge_s("text/plain; charset=utf-8")));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Cache-Control", wedge_s("no-store")));
	return WEDGE_ANSWERED;
}

WEDGE_ON_REQUEST {
	/* A link is for reading: what it leads to must not be changed by whoever has it. */
	wedge_str method = wedge_method();
	if (!wedge_equal(method, wedge_s("GET")) && !wedge_equal(method, wedge_s("HEAD")))
		return refuse(403, "a signed link is for GET and HEAD");
	signed_url u = {0};
	const char *wrong = read_query(wedge_query(), &u);
	if (wrong)
		return refuse(400, wrong);
	if (!u.signature.len)
		return refuse(403, "this address needs a signature");
	int good = is_good(&u);
	WEDGE_TRY(good);
	/* Whether a link is forged or has expired is said only about signatures that are good: to others it would tell how far they got. */
	if (!good)
		return refuse(403, "the signature is not good for this address");
	if (wedge_now() / 1000000000 >= u.until)
		return refuse(410, "this link has expired");
	/* Neither the origin nor the cache sees what is the client's own: one stored response serves all who may have it. */
	return wedge_part_set(WEDGE_PART_QUERY, u.rest);
}
