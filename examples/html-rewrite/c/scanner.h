/* A scanner is given a page in pieces of any size and passes it on, with each tag as a function writes it. It knows as much of HTML as it takes to tell tags
   from what only looks like one: comments, quoted values, and the elements whose content is text. It looks at each byte once, whatever the page holds and
   however it is cut: a page cannot make it slow. https://html.spec.whatwg.org/multipage/parsing.html#tokenization */
#ifndef SCANNER_H
#define SCANNER_H

#include "wedge.h"

enum {
	MAX_TAG = 16 << 10,  /* bytes that are held of a tag; a longer one goes through as it is */
	MAX_ATTRIBUTES = 256 /* that a function is told of; what follows them stays as it is */
};

/* A buffer grows as it is written. */
typedef struct {
	char *data;
	size_t len, room;
} buffer;

static void put(buffer *b, wedge_str s) {
	if (s.len > b->room - b->len) {
		/* Twice as much at least, as the arena gives nothing back before the next hook. */
		size_t room = 2 * b->room > b->len + s.len ? 2 * b->room : b->len + s.len;
		char *data = wedge_alloc(room);
		if (b->len)
			memcpy(data, b->data, b->len);
		b->data = data;
		b->room = room;
	}
	if (s.len)
		memcpy(b->data + b->len, s.data, s.len);
	b->len += s.len;
}

/* Where a tag's text has an attribute's name, and its value without quotes. */
typedef struct {
	size_t start, end, from, to;
} attribute;

/* A tag as it stands in the page. */
typedef struct {
	char text[MAX_TAG]; /* from "<" to ">" */
	size_t len, name, name_end;
	bool closes;
	int attributes; /* of an opening one, in order */
	attribute attribute[MAX_ATTRIBUTES];
} tag;

static inline wedge_str attribute_name(const tag *t, int i) {
	const attribute *a = &t->attribute[i];
	return wedge_bytes(t->text + a->start, a->end - a->start);
}

/* Writes a tag as it is to be. */
typedef void rewrite(buffer *out, const tag *t, const void *settings);

enum state {
	TEXT,
	OPENED,       /* "<" */
	CLOSING,      /* "</" */
	BANG,         /* "<!" */
	DASH,         /* "<!-" */
	COMMENT,      /* up to "-->" */
	RAW,          /* up to what until says */
	NAME,         /* of a tag */
	BETWEEN,      /* attributes */
	ATTRIBUTE,    /* its name */
	BEFORE_EQUAL, /* behind an attribute's name and white space */
	BEFORE_VALUE, /* behind an equals sign */
	QUOTED,       /* a value */
	UNQUOTED      /* a value */
};

typedef struct {
	rewrite *write;
	const void *settings;
	enum state state;
	buffer out;        /* what the present piece has become */
	tag t;             /* the tag that has begun */
	attribute spare;   /* in the place of one that nobody asks for */
	attribute *now;    /* the attribute that has begun */
	bool is_long;      /* the tag is longer than MAX_TAG, and passes as it comes */
	char quote;        /* around the present value */
	const char *until; /* of RAW: the beginning of the tag that ends it, in lower case; or null */
	size_t found;      /* how much of until has come, or how many dashes of a comment's end */
} scanner;

static scanner *new_scanner(rewrite *write, const void *settings) {
	scanner *s = wedge_alloc(sizeof *s);
	memset(s, 0, sizeof *s);
	s->write = write;
	s->settings = settings;
	return s;
}

/* How the elements end whose content is text whatever it looks like. */
static const char *const raw_ends[] = {"</script", "</style", "</textarea", "</title", "</xmp", "</iframe", "</noembed", "</noframes", "</plaintext"};

static inline bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }
static inline bool ends_name(char c) { return is_space(c) || c == '/' || c == '>'; }

/* Passes on what is held of a tag. */
static void pass(scanner *s) {
	put(&s->out, wedge_bytes(s->t.text, s->t.len));
	s->t.len = 0;
}

/* Keeps a byte of the tag until it is whole, or passes it on if there are too many. */
static void hold(scanner *s, char c) {
	if (!s->is_long && s->t.len == MAX_TAG) {
		s->is_long = true;
		pass(s);
	}
	if (s->is_long)
		put(&s->out, wedge_bytes(&c, 1));
	else
		s->t.text[s->t.len++] = c;
}

/* Tells a tag from what only begins like one, and says whether it has taken the byte. */
static bool begin(scanner *s, char c) {
	if (s->state == OPENED && c == '/') {
		s->state = CLOSING;
		s->t.closes = true;
	} else if (s->state == OPENED && c == '!') {
		s->state = BANG;
	} else if (s->state <= CLOSING && is_letter(c)) {
		s->state = NAME;
		s->t.name = s->t.len;
	} else if (s->state == BANG && c == '-') {
		s->state = DASH;
	} else if (s->state == DASH && c == '-') {
		hold(s, c);
		pass(s);
		s->state = COMMENT;
		s->found = 2; /* "<!-->" is a whole comment, so the dashes of the beginning may be those of the end */
		return true;
	} else {
		pass(s);
		s->state = TEXT;
		return false;
	}
	hold(s, c);
	return true;
}

/* Passes on a byte of text up to the end tag that ends it, and that tag as it is. */
static bool in_raw(scanner *s, char c) {
	char want = s->until[s->found];
	if (!want && ends_name(c)) {
		s->t.closes = s->is_long = true;
		s->state = BETWEEN;
		s->until = NULL;
		return false;
	}
	s->found = want && wedge_lower_byte_(c) == want ? s->found + 1 : c == '<';
	put(&s->out, wedge_bytes(&c, 1));
	return true;
}

/* Ends the name of a tag. */
static void named(scanner *s) {
	s->t.name_end = s->t.len;
	s->until = NULL;
	wedge_str name = wedge_bytes(s->t.text + s->t.name, s->t.name_end - s->t.name);
	for (size_t i = 0; !s->t.closes && !s->is_long && i < sizeof raw_ends / sizeof *raw_ends; i++)
		if (wedge_equal_fold(name, wedge_s(raw_ends[i] + 2)))
			s->until = raw_ends[i];
}

/* Takes a byte of a tag. */
static void in_tag(scanner *s, char c) {
	size_t at = s->t.len;
	bool quote_ends = false;
	switch (s->state) {
	case NAME:
		if (ends_name(c)) {
			named(s);
			s->state = BETWEEN;
		}
		break;
	case ATTRIBUTE:
		if (ends_name(c) || c == '=') {
			s->now->end = s->now->from = s->now->to = at;
			s->state = c == '=' ? BEFORE_VALUE : is_space(c) ? BEFORE_EQUAL : BETWEEN;
		}
		break;
	case BEFORE_EQUAL:
		if (c == '=')
			s->state = BEFORE_VALUE;
		else if (!is_space(c))
			s->state = BETWEEN;
		break;
	case BEFORE_VALUE:
		if (is_space(c))
			break;
		s->now->from = s->now->to = at;
		s->state = c == '>' ? BETWEEN : UNQUOTED;
		if (c == '"' || c == '\'') {
			s->now->from++;
			s->quote = c;
			s->state = QUOTED;
		}
		break;
	case UNQUOTED:
		if (is_space(c) || c == '>') {
			s->now->to = at;
			s->state = BETWEEN;
		}
		break;
	case QUOTED:
		if (c == s->quote) {
			s->now->to = at;
			s->state = BETWEEN;
			quote_ends = true;
		}
		break;
	default:
		break;
	}
	hold(s, c);
	if (s->state != BETWEEN || quote_ends || is_space(c) || c == '/')
		return;
	if (c != '>') {
		/* An attribute begins; an equals sign at the beginning is part of its name. */
		s->state = ATTRIBUTE;
		s->now = s->t.closes || s->is_long || s->t.attributes == MAX_ATTRIBUTES ? &s->spare : &s->t.attribute[s->t.attributes++];
		s->now->start = at;
		return;
	}
	if (!s->is_long)
		s->write(&s->out, &s->t, s->settings);
	s->t.len = 0;
	s->found = 0;
	s->state = s->until ? RAW : TEXT;
}

/* What a piece of the page becomes. It is good until the next piece comes. */
static wedge_str scan(scanner *s, wedge_str piece) {
	s->out.len = 0;
	for (size_t i = 0; i < piece.len;) {
		char c = piece.data[i];
		switch (s->state) {
		case TEXT: {
			wedge_str rest = wedge_from(piece, i);
			ptrdiff_t at = wedge_find(rest, wedge_s("<"));
			put(&s->out, at < 0 ? rest : wedge_upto(rest, (size_t)at));
			if (at < 0)
				return wedge_bytes(s->out.data, s->out.len);
			i += (size_t)at + 1;
			s->t.len = s->t.attributes = 0;
			s->t.closes = s->is_long = false;
			s->state = OPENED;
			hold(s, '<');
			break;
		}
		case OPENED:
		case CLOSING:
		case BANG:
		case DASH:
			i += begin(s, c);
			break;
		case COMMENT:
			put(&s->out, wedge_bytes(&c, 1));
			if (c == '>' && s->found >= 2)
				s->state = TEXT;
			s->found = c == '-' ? s->found + 1 : 0;
			i++;
			break;
		case RAW:
			i += in_raw(s, c);
			break;
		default:
			in_tag(s, c);
			i++;
		}
	}
	return wedge_bytes(s->out.data, s->out.len);
}

/* What waited for more when the page ended. */
static wedge_str scan_end(scanner *s) {
	s->out.len = 0;
	pass(s);
	return wedge_bytes(s->out.data, s->out.len);
}

#endif
