// What the functions in C need of the contract; hostapi/abi/REFERENCE.md describes it.

#include "find.h"

#define IMPORT(name) __attribute__((import_module("wedge"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

enum { REQUEST, RESPONSE };
enum { SHA256 };

IMPORT(field) int field(int message, const char *name, int name_len, int index, char *value, int capacity);
IMPORT(field_set) int field_set(int message, const char *name, int name_len, const char *value, int value_len);
IMPORT(body) int body(int message, char *content, int capacity);
IMPORT(body_set) int body_set(int message, const char *content, int len);
IMPORT(respond) int respond(int code, const char *content, int len);
IMPORT(hmac) int hmac(int function, const char *key, int key_len, const char *data, int data_len, char *code, int capacity);
IMPORT(equal) int equal(const char *a, int a_len, const char *b, int b_len);
IMPORT(now) long long now(void); // nanoseconds since 1970

EXPORT(wedge_abi_v1) void wedge_abi_v1(void) {}
