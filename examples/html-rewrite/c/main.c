/* Changes pages of HTML while they stream through: links to an old host lead to the new one, pictures load when they come into view, and a text is put at
   the end of the head. The scanner is in scanner.h. */
#include "wedge.h"
#include "scanner.h"

enum { MOST_RULES = 16 };

/* What the operator wants. */
typedef struct {
	struct { wedge_str from, to; } moved[MOST_RULES]; /* beginnings of URLs */
	int rules;
	bool lazy;
	wedge_str head;
} config;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

/* Whether a text can stand in an attribute, whatever is around it. */
static bool is_plain(wedge_str s) {
	for (size_t i = 0; i < s.len; i++)
		if (is_blank(s.data[i]) || wedge_find(wedge_s("\"'<>`"), wedge_bytes(&s.data[i], 1)) >= 0)
			return false;
	return s.len > 0;
}

static int read_moved(config *c, wedge_str rules) {
	for (wedge_str rule; wedge_cut(&rules, ';', &rule);) {
		wedge_str to = wedge_trim(rule), from;
		if (to.len == 0)
			continue;
		wedge_cut(&to, ' ', &from);
		to = wedge_trim(to);
		if (!is_plain(from) || !is_plain(to) || c->rules == MOST_RULES)
			return WEDGE_FAIL(WEDGE_JOIN(wedge_s("config moved: \""), rule, wedge_s("\" is no rule, or one too many: write FROM TO; FROM TO, up to 16 beginnings of URLs")));
		c->moved[c->rules].from = from;
		c->moved[c->rules++].to = to;
	}
	return 0;
}

static int read_settings(config *c) {
	wedge_str all = wedge_settings();
	for (wedge_pair p; wedge_next(&all, &p);) {
		if (wedge_equal(p.name, wedge_s("moved")))
			WEDGE_TRY(read_moved(c, p.value));
		else if (wedge_equal(p.name, wedge_s("lazy")))
			c->lazy = wedge_equal(p.value, wedge_s("true"));
		else if (wedge_equal(p.name, wedge_s("head")))
			c->head = p.value;
		else
			return WEDGE_FAIL(WEDGE_JOIN(wedge_s("config "), p.name, wedge_s(" is not known: see the README of the example html-rewrite")));
	}
	return 0;
}

static void put_url(buffer *out, const config *c, wedge_str v) {
	size_t blank = 0;
	while (blank < v.len && is_blank(v.data[blank]))
		blank++;
	wedge_str url = wedge_from(v, blank);
	for (int i = 0; i < c->rules; i++)
		if (wedge_has_prefix(url, c->moved[i].from)) {
			put(out, wedge_upto(v, blank));
			put(out, c->moved[i].to);
			put(out, wedge_from(url, c->moved[i].from.len));
			return;
		}
	put(out, v);
}

/* The value of an attribute with what has moved. */
static void put_value(buffer *out, const config *c, wedge_str name, wedge_str v) {
	static const char *const urls[] = {"href", "src", "action", "formaction", "poster"};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
		if (wedge_equal_fold(name, wedge_s(urls[i]))) {
			put_url(out, c, v);
			return;
		}
	if (!wedge_equal_fold(name, wedge_s("srcset"))) {
		put(out, v);
		return;
	}
	/* Candidates are separated by commas; a URL that holds one followed by a space is none. */
	for (ptrdiff_t at; (at = wedge_find(v, wedge_s(", "))) >= 0; v = wedge_from(v, (size_t)at + 2)) {
		put_url(out, c, wedge_upto(v, (size_t)at));
		put(out, wedge_s(", "));
	}
	put_url(out, c, v);
}

/* Writes a tag anew. */
static void put_tag(buffer *out, const tag *t, const void *settings) {
	const config *c = settings;
	wedge_str text = wedge_bytes(t->text, t->len), name = wedge_from(wedge_upto(text, t->name_end), t->name);
	if (t->closes) {
		if (wedge_equal_fold(name, wedge_s("head")))
			put(out, c->head);
		put(out, text);
		return;
	}
	size_t done = t->name_end;
	put(out, wedge_upto(text, done));
	bool loading = false;
	for (int i = 0; i < t->attributes; i++)
		loading |= wedge_equal_fold(attribute_name(t, i), wedge_s("loading"));
	if (c->lazy && !loading && (wedge_equal_fold(name, wedge_s("img")) || wedge_equal_fold(name, wedge_s("iframe"))))
		put(out, wedge_s(" loading=\"lazy\""));
	for (int i = 0; i < t->attributes; i++) {
		const attribute *a = &t->attribute[i];
		put(out, wedge_from(wedge_upto(text, a->from), done));
		put_value(out, c, attribute_name(t, i), wedge_from(wedge_upto(text, a->to), a->from));
		done = a->to;
	}
	put(out, wedge_from(text, done));
}

WEDGE_ON_FETCHED {
	wedge_str type = wedge_field(WEDGE_MESSAGE_RESPONSE, "Content-Type");
	if (wedge_equal(wedge_method(), wedge_s("HEAD")) || !wedge_has_prefix(wedge_lower(type), wedge_s("text/html")))
		return WEDGE_GO_ON;
	config c = {0};
	WEDGE_TRY(read_settings(&c));
	/* "A strong validator is unique across all representations of a given resource": the origin's is not that of the changed page.
	   https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1 */
	wedge_str etag = wedge_field(WEDGE_MESSAGE_RESPONSE, "ETag");
	if (etag.len && !wedge_has_prefix(etag, wedge_s("W/")))
		WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "ETag", WEDGE_JOIN(wedge_s("W/"), etag)));

	WEDGE_TRY(wedge_stream_begin());
	scanner *s = new_scanner(put_tag, &c);
	static char piece[8192];
	for (;;) {
		int n = wedge_stream_read(piece, sizeof piece);
		WEDGE_TRY(n);
		wedge_str page = n ? scan(s, wedge_bytes(piece, (size_t)n)) : scan_end(s);
		if (page.len)
			WEDGE_TRY(wedge_stream_write(page));
		if (n == 0)
			return WEDGE_GO_ON;
	}
}
