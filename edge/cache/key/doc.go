// Package key makes cache keys: 128 bits that stand for everything by which two
// requests for the same stored thing are the same. Each part goes into the hash
// with its kind and its length in front, so that no two lists of parts are the
// same bytes; the hash is SHA-256, cut to half and begun with a secret of the
// cache, so that nobody can look for two requests with one key.
//
// It also has the two forms in which a purge names what it means: the text of a
// URL, and the beginning of one.
//
// edge/cache calls it once for each request, and when something is purged. It
// does not decide whether a request uses the cache; edge/cache/policy does.
package key
