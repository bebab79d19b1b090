#pragma once

// find is where word begins in text, or -1.
static inline int find(const char *text, int len, const char *word, int word_len) {
	const unsigned long long ones = 0x0101010101010101u, first = ones * (unsigned char)word[0];
	for (int i = 0; i + word_len <= len; i++) {
		if (i + 8 <= len) { // eight bytes at once that may be the word's first
			unsigned long long v, zero;
			__builtin_memcpy(&v, text + i, 8);
			v ^= first;
			zero = (v - ones) & ~v & ones << 7;
			if (!zero) {
				i += 7;
				continue;
			}
			i += __builtin_ctzll(zero) / 8;
			if (i + word_len > len) break;
		}
		int j = 0;
		while (j < word_len && text[i + j] == word[j]) j++;
		if (j == word_len) return i;
	}
	return -1;
}
