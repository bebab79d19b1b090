/*
 * A node for unit tests in C, where there is none: compile the function together with this header for the machine at hand.
 *
 *	#include "limit.c"
 *	#include "wedge_fake.h"
 *
 *	int main(void) {
 *		fake_begin("GET", "https://shop.example/");
 *		fake_list_put(fake.config, "limit", "2");
 *		if (on_request() != WEDGE_GO_ON)
 *			return fake_failed(__FILE__, __LINE__);
 *	}
 *
 * It knows requests, responses, variables, the decisions about key and cache, stores, counters, configuration, log and clock. What it does not know
 * answers WEDGE_STATUS_UNAVAILABLE, and it does not know which hook may do what: "wedge function test" runs cases on the node itself.
 * Nothing is freed: a test is a short program.
 */
#ifndef WEDGE_FAKE_H
#define WEDGE_FAKE_H

#ifdef __wasm__
#error "wedge_fake.h is for tests that run without a node: compile it without --target=wasm32"
#endif

#include "wedge.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

/** How many names a list has at most. */
#define FAKE_MOST 256

/** Names and values in order; a removed one has no name. */
typedef struct {
	char *name, *value;
	size_t len;
	uint64_t version;
	int64_t expires;
} fake_item;

/** The node, and its present exchange. Tests read it and write it. */
static struct {
	char *part[7];                                             /**< by enum wedge_part */
	char *fact[16];                                            /**< by enum wedge_fact */
	fake_item field[2][FAKE_MOST];                             /**< by enum wedge_message */
	wedge_str body[2];                                         /**< by enum wedge_message */
	int status;                                                /**< of the response; 0 if there is none */
	fake_item config[FAKE_MOST], secret[FAKE_MOST];            /**< of the binding */
	fake_item var[FAKE_MOST], key[FAKE_MOST];                  /**< variables, and parts of the key */
	char *origin, *outcome, *failure;
	bool bypass, revalidate, no_store;
	int64_t ttl, grace;                                        /**< -1 if they were not set */
	char tags[4096];                                           /**< each with a space after it */
	char log[65536];                                           /**< a line each */
	struct { char *name; fake_item item[FAKE_MOST]; } store[8]; /**< those that the binding lists */
	struct { char *key; int64_t at, n; } counted[4096];
	int64_t now;                                               /**< milliseconds since 1970 */
	uint64_t version, seed;
	size_t stream;                                             /**< how much was read of the body */
	wedge_str written;                                         /**< what was written in its place */
} fake;

static inline char *fake_copy(const void *from, size_t n) {
	char *to = (char *)malloc(n + 1);
	if (n)
		memcpy(to, from, n);
	to[n] = 0;
	return to;
}

static inline fake_item *fake_find(fake_item *list, const char *name, bool any_case, int index) {
	for (int i = 0; i < FAKE_MOST; i++)
		if (list[i].name && (any_case ? strcasecmp(list[i].name, name) : strcmp(list[i].name, name)) == 0 && index-- == 0)
			return &list[i];
	return NULL;
}

static inline fake_item *fake_append(fake_item *list, const char *name, const void *value, size_t n) {
	int last = -1;
	for (int i = 0; i < FAKE_MOST; i++)
		if (list[i].name)
			last = i;
	if (++last == FAKE_MOST) {
		fprintf(stderr, "wedge_fake.h: more than %d names\n", FAKE_MOST);
		abort();
	}
	fake_item item = {fake_copy(name, strlen(name)), fake_copy(value, n), n, 0, 0};
	list[last] = item;
	return &list[last];
}

/** Puts a value under a name into a list: fake_list_put(fake.config, "limit", "2"). */
static inline void fake_list_put(fake_item *list, const char *name, const char *value) {
	fake_item *i = fake_find(list, name, false, 0);
	if (i) {
		i->value = fake_copy(value, strlen(value));
		i->len = strlen(value);
	} else
		fake_append(list, name, value, strlen(value));
}

/** What a list has under a name, null if nothing. */
static inline const char *fake_list_get(fake_item *list, const char *name) {
	fake_item *i = fake_find(list, name, false, 0);
	return i ? i->value : NULL;
}

/** The value of a field, null if there is none. */
static inline const char *fake_field(enum wedge_message message, const char *name) {
	fake_item *i = fake_find(fake.field[message], name, true, 0);
	return i ? i->value : NULL;
}

/** Lists a store for the binding, and returns its items: fake_list_put(fake_store("links"), "/a", "/b"). */
static inline fake_item *fake_store(const char *name) {
	for (int i = 0; i < 8; i++) {
		if (!fake.store[i].name)
			fake.store[i].name = fake_copy(name, strlen(name));
		if (strcmp(fake.store[i].name, name) == 0)
			return fake.store[i].item;
	}
	abort();
}

/** Begins an exchange with a request for a URL. What belongs to the node (configuration, stores, counters, clock, log) stays. */
static inline void fake_begin(const char *method, const char *url) {
	const char *scheme = strstr(url, "://"), *host = scheme + 3, *path = strchr(host, '/'), *query = strchr(url, '?');
	memset(fake.part, 0, sizeof fake.part);
	memset(fake.field, 0, sizeof fake.field);
	memset(fake.body, 0, sizeof fake.body);
	memset(fake.var, 0, sizeof fake.var);
	memset(fake.key, 0, sizeof fake.key);
	fake.status = 0;
	fake.origin = fake.outcome = fake.failure = NULL;
	fake.bypass = fake.revalidate = fake.no_store = false;
	fake.ttl = fake.grace = -1;
	fake.tags[0] = 0;
	fake.stream = 0;
	fake.written = wedge_none();
	if (!fake.now)
		fake.now = 1767323045000; /* 2026-01-02 03:04:05 UTC */
	if (!fake.fact[WEDGE_FACT_ADDRESS])
		fake.fact[WEDGE_FACT_ADDRESS] = fake_copy("192.0.2.1", 9);
	if (!path)
		path = url + strlen(url);
	fake.part[WEDGE_PART_METHOD] = fake_copy(method, strlen(method));
	fake.part[WEDGE_PART_SCHEME] = fake_copy(url, (size_t)(scheme - url));
	fake.part[WEDGE_PART_HOST] = fake_copy(host, (size_t)(path - host));
	fake.part[WEDGE_PART_PATH] = *path ? fake_copy(path, query ? (size_t)(query - path) : strlen(path)) : fake_copy("/", 1);
	fake.part[WEDGE_PART_QUERY] = query ? fake_copy(query + 1, strlen(query + 1)) : NULL;
	fake.part[WEDGE_PART_PROTOCOL] = fake_copy("1.1", 3);
}

/** Adds a field line to the request, or to the response that the hooks after the origin see. */
static inline void fake_add_field(enum wedge_message message, const char *name, const char *value) {
	fake_append(fake.field[message], name, value, strlen(value));
}

/** Says where a test failed and what the log has; the result is for main. */
static inline int fake_failed(const char *file, int line) {
	fprintf(stderr, "%s:%d: failed\n%s", file, line, fake.log);
	return 1;
}

/* -- What the function calls -- */

static inline int32_t fake_give_(const void *from, size_t n, void *to, size_t cap) {
	if (!from)
		return WEDGE_STATUS_ABSENT;
	if (n <= cap && n)
		memcpy(to, from, n);
	return (int32_t)n;
}
static inline int32_t fake_give_s_(const char *from, void *to, size_t cap) { return fake_give_(from, from ? strlen(from) : 0, to, cap); }
static inline int32_t fake_give_i_(fake_item *i, void *to, size_t cap) { return i ? fake_give_(i->value, i->len, to, cap) : WEDGE_STATUS_ABSENT; }

int32_t wedge_raw_request_part(uint32_t part, void *to, size_t cap) {
	if (part == WEDGE_PART_URI) {
		wedge_str uri = wedge_s(fake.part[WEDGE_PART_PATH]);
		if (fake.part[WEDGE_PART_QUERY]) {
			size_t n = strlen(fake.part[WEDGE_PART_QUERY]);
			char *all = (char *)malloc(uri.len + 1 + n);
			memcpy(all, uri.data, uri.len);
			all[uri.len] = '?';
			memcpy(all + uri.len + 1, fake.part[WEDGE_PART_QUERY], n);
			uri = wedge_bytes(all, uri.len + 1 + n);
		}
		return fake_give_(uri.data, uri.len, to, cap);
	}
	return part < 7 ? fake_give_s_(fake.part[part], to, cap) : WEDGE_STATUS_INVALID;
}
int32_t wedge_raw_request_part_set(uint32_t part, const void *value, size_t n) {
	char *v = fake_copy(value, n), *query = strchr(v, '?');
	switch (part) {
	case WEDGE_PART_SCHEME:
	case WEDGE_PART_PROTOCOL: return WEDGE_STATUS_NOT_ALLOWED;
	case WEDGE_PART_QUERY: fake.part[part] = n ? v : NULL; return 0;
	case WEDGE_PART_PATH:
		if (*v != '/')
			return WEDGE_STATUS_INVALID;
		break;
	case WEDGE_PART_URI:
		if (*v != '/')
			return WEDGE_STATUS_INVALID;
		fake.part[WEDGE_PART_QUERY] = query ? fake_copy(query + 1, strlen(query + 1)) : NULL;
		if (query)
			*query = 0;
		part = WEDGE_PART_PATH;
	}
	fake.part[part] = v;
	return 0;
}
int32_t wedge_raw_response_status(void) { return fake.status; }
int32_t wedge_raw_response_status_set(int32_t code) {
	if (code < 200 || code > 599)
		return WEDGE_STATUS_INVALID;
	fake.status = code;
	return 0;
}
int32_t wedge_raw_field(uint32_t message, const void *name, size_t n, int32_t index, void *to, size_t cap) {
	return fake_give_i_(fake_find(fake.field[message & 1], fake_copy(name, n), true, index), to, cap);
}
int32_t wedge_raw_field_count(uint32_t message, const void *name, size_t n) {
	int32_t count = 0;
	while (fake_find(fake.field[message & 1], fake_copy(name, n), true, count))
		count++;
	return count;
}
static inline int32_t fake_pairs_(fake_item *list, void *to, size_t cap) {
	wedge_pair pairs[FAKE_MOST];
	size_t count = 0;
	for (int i = 0; i < FAKE_MOST; i++)
		if (list[i].name) {
			pairs[count].name = wedge_s(list[i].name);
			pairs[count++].value = wedge_bytes(list[i].value, list[i].len);
		}
	/* Not from the arena: the function is about to get the list into what is left of it. */
	char *begin = wedge_arena_begin_, *at = wedge_arena_at_, *end = wedge_arena_end_;
	wedge_arena_at_ = wedge_arena_end_;
	wedge_str s = wedge_pairs_(pairs, count);
	wedge_arena_begin_ = begin;
	wedge_arena_at_ = at;
	wedge_arena_end_ = end;
	return fake_give_(s.data, s.len, to, cap);
}
int32_t wedge_raw_fields(uint32_t message, void *to, size_t cap) { return fake_pairs_(fake.field[message & 1], to, cap); }
int32_t wedge_raw_field_remove(uint32_t message, const void *name, size_t n) {
	int32_t result = WEDGE_STATUS_ABSENT;
	fake_item *i;
	while ((i = fake_find(fake.field[message & 1], fake_copy(name, n), true, 0))) {
		i->name = NULL;
		result = 0;
	}
	return result;
}
int32_t wedge_raw_field_add(uint32_t message, const void *name, size_t n, const void *value, size_t len) {
	static const char *ours[] = {"connection", "transfer-encoding", "content-length", "trailer", "date", "age", "host", "cdn-loop"};
	const char *v = (const char *)value, *key = fake_copy(name, n);
	if (!n || strcspn(key, " \t\r\n:;,\"()/<=>?@[\\]{}") != n)
		return WEDGE_STATUS_INVALID;
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)v[i] < ' ' && v[i] != '\t') || v[i] == 127 || ((i == 0 || i + 1 == len) && (v[i] == ' ' || v[i] == '\t')))
			return WEDGE_STATUS_INVALID;
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (strcasecmp(ours[i], key) == 0)
			return WEDGE_STATUS_NOT_ALLOWED;
	fake_append(fake.field[message & 1], key, value, len);
	return 0;
}
int32_t wedge_raw_field_set(uint32_t message, const void *name, size_t n, const void *value, size_t len) {
	fake_item before[FAKE_MOST];
	memcpy(before, fake.field[message & 1], sizeof before);
	wedge_raw_field_remove(message, name, n);
	int32_t result = wedge_raw_field_add(message, name, n, value, len);
	if (result < 0)
		memcpy(fake.field[message & 1], before, sizeof before);
	return result;
}
int32_t wedge_raw_body(uint32_t message, void *to, size_t cap) {
	wedge_str b = fake.body[message & 1];
	return fake_give_(b.data ? b.data : "", b.len, to, cap);
}
int32_t wedge_raw_body_peek(uint32_t message, void *to, size_t cap) {
	wedge_str b = wedge_upto(fake.body[message & 1], cap);
	return fake_give_(b.data ? b.data : "", b.len, to, cap);
}
int32_t wedge_raw_body_set(uint32_t message, const void *content, size_t n) {
	fake.body[message & 1] = wedge_bytes(fake_copy(content, n), n);
	return 0;
}
static inline wedge_str fake_longer_(wedge_str s, const void *more, size_t n) {
	char *to = (char *)malloc(s.len + n + 1);
	if (s.len)
		memcpy(to, s.data, s.len);
	if (n)
		memcpy(to + s.len, more, n);
	return wedge_bytes(to, s.len + n);
}
int32_t wedge_raw_body_append(uint32_t message, const void *content, size_t n) {
	fake.body[message & 1] = fake_longer_(fake.body[message & 1], content, n);
	return 0;
}
int32_t wedge_raw_body_stream_begin(void) {
	fake.stream = 0;
	fake.written = wedge_bytes("", 0);
	return 0;
}
int32_t wedge_raw_body_stream_read(void *to, size_t cap) {
	wedge_str rest = fake.body[WEDGE_MESSAGE_RESPONSE];
	if (!rest.data)
		return 0;
	rest = wedge_upto(wedge_from(rest, fake.stream), cap);
	fake.stream += rest.len;
	return fake_give_(rest.data, rest.len, to, cap);
}
int32_t wedge_raw_body_stream_write(const void *content, size_t n) {
	fake.written = fake_longer_(fake.written, content, n);
	return 0;
}
int32_t wedge_raw_respond(int32_t code, const void *content, size_t n) {
	if (code < 200 || code > 599)
		return WEDGE_STATUS_INVALID;
	fake.status = code;
	memset(fake.field[WEDGE_MESSAGE_RESPONSE], 0, sizeof fake.field[0]);
	return wedge_raw_body_set(WEDGE_MESSAGE_RESPONSE, content, n);
}
int32_t wedge_raw_failure(void *to, size_t cap) { return fake_give_s_(fake.failure, to, cap); }
/* An address of IPv4 as it is, also of one written as IPv6, and the 64 bits in front of one of IPv6. */
static inline int32_t fake_network_(const char *address, void *to, size_t cap) {
	unsigned char a[16];
	char text[INET6_ADDRSTRLEN + 3];
	if (!address || inet_pton(AF_INET6, address, a) != 1)
		return fake_give_s_(address, to, cap);
	if (!memcmp(a, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12))
		return fake_give_s_(inet_ntop(AF_INET, a + 12, text, sizeof text), to, cap);
	memset(a + 8, 0, 8);
	return fake_give_s_(strcat((char *)inet_ntop(AF_INET6, a, text, sizeof text), "/64"), to, cap);
}
int32_t wedge_raw_client(uint32_t fact, void *to, size_t cap) {
	if (fact > WEDGE_FACT_NETWORK)
		return WEDGE_STATUS_INVALID;
	if (fact == WEDGE_FACT_NETWORK && !fake.fact[fact])
		return fake_network_(fake.fact[WEDGE_FACT_ADDRESS], to, cap);
	return fake_give_s_(fake.fact[fact], to, cap);
}
int32_t wedge_raw_exchange_id(void *to, size_t cap) { return fake_give_s_("000102030405060708090a0b0c0d0e0f", to, cap); }
int32_t wedge_raw_var_get(const void *name, size_t n, void *to, size_t cap) { return fake_give_i_(fake_find(fake.var, fake_copy(name, n), false, 0), to, cap); }
int32_t wedge_raw_var_remove(const void *name, size_t n) {
	fake_item *i = fake_find(fake.var, fake_copy(name, n), false, 0);
	if (!i)
		return WEDGE_STATUS_ABSENT;
	i->name = NULL;
	return 0;
}
int32_t wedge_raw_var_set(const void *name, size_t n, const void *value, size_t len) {
	wedge_raw_var_remove(name, n);
	fake_append(fake.var, fake_copy(name, n), value, len);
	return 0;
}
int32_t wedge_raw_origin_set(const void *name, size_t n) {
	fake.origin = fake_copy(name, n);
	return 0;
}
int32_t wedge_raw_cache_key_add(const void *name, size_t n, const void *value, size_t len) {
	fake_append(fake.key, fake_copy(name, n), value, len);
	return 0;
}
int32_t wedge_raw_cache_key_set(const void *value, size_t n) {
	fake_append(fake.key, "=", value, n);
	return 0;
}
int32_t wedge_raw_cache_key_ignore(const void *name, size_t n) {
	fake_append(fake.key, "-", name, n);
	return 0;
}
int32_t wedge_raw_cache_key_option(uint32_t option) {
	static const char *words[] = {"sort_query", "lower_case", "ignore_query"};
	if (option > 2)
		return WEDGE_STATUS_INVALID;
	fake_append(fake.key, "-", words[option], strlen(words[option]));
	return 0;
}
int32_t wedge_raw_cache_bypass(void) { return fake.bypass = true, 0; }
int32_t wedge_raw_cache_revalidate(void) { return fake.revalidate = true, 0; }
int32_t wedge_raw_cache_no_store(void) { return fake.no_store = true, 0; }
int32_t wedge_raw_cache_ttl_set(int64_t ttl) { return fake.ttl = ttl, 0; }
int32_t wedge_raw_cache_grace_set(int64_t grace) { return fake.grace = grace, 0; }
int32_t wedge_raw_cache_tag_add(const void *tag, size_t n) {
	const char *t = (const char *)tag;
	for (size_t i = 0; i < n; i++)
		if (t[i] <= ' ' || t[i] >= 127 || t[i] == ',')
			return WEDGE_STATUS_INVALID;
	if (!n || n > 256 || strlen(fake.tags) + n + 2 > sizeof fake.tags)
		return WEDGE_STATUS_INVALID;
	strncat(fake.tags, t, n);
	strcat(fake.tags, " ");
	return 0;
}
int32_t wedge_raw_cache_outcome(void *to, size_t cap) { return fake_give_s_(fake.outcome, to, cap); }
int32_t wedge_raw_kv_open(const void *name, size_t n) {
	for (int i = 0; i < 8; i++)
		if (fake.store[i].name && strlen(fake.store[i].name) == n && memcmp(fake.store[i].name, name, n) == 0)
			return i + 1;
	return WEDGE_STATUS_NOT_ALLOWED;
}
static inline fake_item *fake_kept_(int32_t store, const void *key, size_t n) {
	fake_item *i = fake_find(fake.store[store - 1].item, fake_copy(key, n), false, 0);
	return i && (!i->expires || i->expires > fake.now) ? i : NULL;
}
int32_t wedge_raw_kv_get(int32_t store, const void *key, size_t n, void *to, size_t cap, uint64_t about[2]) {
	fake_item *i = fake_kept_(store, key, n);
	if (i) {
		about[0] = i->version;
		about[1] = (uint64_t)i->expires;
	}
	return fake_give_i_(i, to, cap);
}
int32_t wedge_raw_kv_put(int32_t store, const void *key, size_t n, const void *value, size_t len, const void *metadata, size_t metadata_len, int64_t ttl,
	uint32_t condition, int64_t version, uint64_t *about) {
	(void)metadata, (void)metadata_len;
	fake_item *i = fake_kept_(store, key, n);
	uint64_t present = i ? i->version : 0;
	if ((condition == WEDGE_CONDITION_IF_ABSENT && i) || (condition == WEDGE_CONDITION_IF_VERSION && present != (uint64_t)version)) {
		*about = present;
		return WEDGE_STATUS_CONFLICT;
	}
	if ((i = fake_find(fake.store[store - 1].item, fake_copy(key, n), false, 0)))
		i->name = NULL;
	i = fake_append(fake.store[store - 1].item, fake_copy(key, n), value, len);
	*about = i->version = ++fake.version;
	i->expires = ttl ? fake.now + ttl : 0;
	return 0;
}
int32_t wedge_raw_kv_delete(int32_t store, const void *key, size_t n, uint32_t condition, int64_t version) {
	fake_item *i = fake_kept_(store, key, n);
	if (!i)
		return WEDGE_STATUS_ABSENT;
	if (condition == WEDGE_CONDITION_IF_VERSION && i->version != (uint64_t)version)
		return WEDGE_STATUS_CONFLICT;
	i->name = NULL;
	return 0;
}
int32_t wedge_raw_kv_add(int32_t store, const void *key, size_t n, int64_t delta, int64_t ttl, uint64_t *sum) {
	fake_item *i = fake_kept_(store, key, n);
	int64_t v = 0, expires = i ? i->expires : ttl ? fake.now + ttl : 0;
	if (i && !wedge_parse(wedge_bytes(i->value, i->len), &v))
		return WEDGE_STATUS_NOT_NUMBER;
	char text[24];
	int len = snprintf(text, sizeof text, "%lld", (long long)(v + delta));
	uint64_t about;
	*sum = (uint64_t)(v + delta);
	wedge_raw_kv_put(store, key, n, text, (size_t)len, "", 0, 0, WEDGE_CONDITION_ALWAYS, 0, &about);
	fake_kept_(store, key, n)->expires = expires;
	return 0;
}
int32_t wedge_raw_counter_read(const void *key, size_t n, int64_t window, uint64_t *sum) {
	if (window < 1000 || window > 86400000 || !n)
		return WEDGE_STATUS_INVALID;
	int64_t all = 0;
	for (int i = 0; i < 4096 && fake.counted[i].key; i++)
		if (strlen(fake.counted[i].key) == n && memcmp(fake.counted[i].key, key, n) == 0 && fake.counted[i].at > fake.now - window)
			all += fake.counted[i].n;
	*sum = (uint64_t)all;
	return 0;
}
int32_t wedge_raw_counter_add(const void *key, size_t n, int64_t window, int64_t delta, uint64_t *sum) {
	int i = 0;
	while (i < 4096 && fake.counted[i].key)
		i++;
	if (i == 4096)
		return WEDGE_STATUS_LIMIT;
	fake.counted[i].key = fake_copy(key, n);
	fake.counted[i].at = fake.now;
	fake.counted[i].n = delta;
	return wedge_raw_counter_read(key, n, window, sum);
}
int32_t wedge_raw_config(const void *name, size_t n, void *to, size_t cap) { return fake_give_i_(fake_find(fake.config, fake_copy(name, n), false, 0), to, cap); }
int32_t wedge_raw_config_list(void *to, size_t cap) { return fake_pairs_(fake.config, to, cap); }
int32_t wedge_raw_secret(const void *name, size_t n, void *to, size_t cap) { return fake_give_i_(fake_find(fake.secret, fake_copy(name, n), false, 0), to, cap); }
int32_t wedge_raw_equal(const void *a, size_t n, const void *b, size_t m) { return wedge_equal(wedge_bytes(a, n), wedge_bytes(b, m)); }
int64_t wedge_raw_seed(void) { return (int64_t)(fake.seed += 0x9e3779b97f4a7c15u); }
int32_t wedge_raw_random(void *to, size_t cap) {
	for (size_t i = 0; i < cap; i++)
		((char *)to)[i] = (char)((uint64_t)wedge_raw_seed() >> 33);
	return (int32_t)cap;
}
int64_t wedge_raw_now(void) { return fake.now * 1000000; }
int32_t wedge_raw_metric_add(const void *name, size_t n, int64_t delta) { return (void)name, (void)n, delta < 0 ? WEDGE_STATUS_INVALID : 0; }
int32_t wedge_raw_metric_observe(const void *name, size_t n, double value) { return (void)name, (void)n, (void)value, 0; }
int32_t wedge_raw_log(uint32_t level, const void *line, size_t n, const void *pairs, size_t len) {
	static const char *words[] = {"debug", "info", "warn", "error"};
	char *at = fake.log + strlen(fake.log), *end = fake.log + sizeof fake.log;
	at += snprintf(at, (size_t)(end - at), "%s: %.*s", words[level & 3], (int)n, (const char *)line);
	wedge_str list = wedge_bytes(pairs, len);
	for (wedge_pair p; at < end && wedge_next(&list, &p);)
		at += snprintf(at, (size_t)(end - at), " %.*s=%.*s", (int)p.name.len, p.name.data, (int)p.value.len, p.value.data);
	if (at < end)
		snprintf(at, (size_t)(end - at), "\n");
	return 0;
}

/* ---- generated from hostapi/abi/abi.txt: begin ---- */
/* Code generated by hostapi/abi/gen from abi.txt; DO NOT EDIT.

   What is not above answers that it is unavailable. */

int32_t wedge_raw_cache_key(void *key, size_t key_cap) { (void)key; (void)key_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_store_get(const void *key, size_t key_len, void *value, size_t value_cap) { (void)key; (void)key_len; (void)value; (void)value_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_store_put(const void *key, size_t key_len, const void *value, size_t value_len, int64_t ttl, const void *tags, size_t tags_len) { (void)key; (void)key_len; (void)value; (void)value_len; (void)ttl; (void)tags; (void)tags_len; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_store_delete(const void *key, size_t key_len) { (void)key; (void)key_len; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_purge_tag(const void *tag, size_t tag_len, int32_t soft) { (void)tag; (void)tag_len; (void)soft; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_kv_metadata(int32_t store, void *value, size_t value_cap) { (void)store; (void)value; (void)value_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_kv_list(int32_t store, const void *prefix, size_t prefix_len, const void *cursor, size_t cursor_len, int32_t limit, void *page, size_t page_cap) { (void)store; (void)prefix; (void)prefix_len; (void)cursor; (void)cursor_len; (void)limit; (void)page; (void)page_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_kv_list_cursor(int32_t store, void *cursor, size_t cursor_cap) { (void)store; (void)cursor; (void)cursor_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_penalty_set(const void *key, size_t key_len, int64_t duration) { (void)key; (void)key_len; (void)duration; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_penalty(const void *key, size_t key_len, uint64_t *left) { (void)key; (void)key_len; (void)left; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_new(const void *method, size_t method_len, const void *origin, size_t origin_len, const void *target, size_t target_len) { (void)method; (void)method_len; (void)origin; (void)origin_len; (void)target; (void)target_len; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_field_add(int32_t fetch, const void *name, size_t name_len, const void *value, size_t value_len) { (void)fetch; (void)name; (void)name_len; (void)value; (void)value_len; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_body_append(int32_t fetch, const void *content, size_t content_len) { (void)fetch; (void)content; (void)content_len; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_option_set(int32_t fetch, uint32_t option, int64_t value) { (void)fetch; (void)option; (void)value; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_send(int32_t fetch) { (void)fetch; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_status(int32_t fetch) { (void)fetch; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_field(int32_t fetch, const void *name, size_t name_len, int32_t index, void *value, size_t value_cap) { (void)fetch; (void)name; (void)name_len; (void)index; (void)value; (void)value_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_fields(int32_t fetch, void *pairs, size_t pairs_cap) { (void)fetch; (void)pairs; (void)pairs_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_body_read(int32_t fetch, void *content, size_t content_cap) { (void)fetch; (void)content; (void)content_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_fetch_close(int32_t fetch) { (void)fetch; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_hash(uint32_t function, const void *data, size_t data_len, void *digest, size_t digest_cap) { (void)function; (void)data; (void)data_len; (void)digest; (void)digest_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_hmac(uint32_t function, const void *key, size_t key_len, const void *data, size_t data_len, void *code, size_t code_cap) { (void)function; (void)key; (void)key_len; (void)data; (void)data_len; (void)code; (void)code_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_hmac_secret(uint32_t function, const void *secret, size_t secret_len, const void *data, size_t data_len, void *code, size_t code_cap) { (void)function; (void)secret; (void)secret_len; (void)data; (void)data_len; (void)code; (void)code_cap; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_verify(uint32_t kind, const void *key, size_t key_len, const void *data, size_t data_len, const void *signature, size_t signature_len) { (void)kind; (void)key; (void)key_len; (void)data; (void)data_len; (void)signature; (void)signature_len; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_span_begin(const void *name, size_t name_len) { (void)name; (void)name_len; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_span_set(int32_t span, const void *name, size_t name_len, const void *value, size_t value_len) { (void)span; (void)name; (void)name_len; (void)value; (void)value_len; return WEDGE_STATUS_UNAVAILABLE; }
int32_t wedge_raw_span_end(int32_t span) { (void)span; return WEDGE_STATUS_UNAVAILABLE; }
/* ---- generated from hostapi/abi/abi.txt: end ---- */

#endif
