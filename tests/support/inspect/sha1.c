/* SHA-1 (FIPS 180-4), for comparing files only. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "inspect.h"

static uint32_t rotate(uint32_t value, int by)
{
	return value << by | value >> (32 - by);
}

static void add_block(uint32_t state[5], const unsigned char block[64])
{
	uint32_t w[80], v[5];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(v, state, sizeof(v));
	for (int i = 0; i < 80; i++) {
		uint32_t f, k, next;

		if (i < 20)
			f = (v[1] & v[2]) | (~v[1] & v[3]), k = 0x5a827999;
		else if (i < 40)
			f = v[1] ^ v[2] ^ v[3], k = 0x6ed9eba1;
		else if (i < 60)
			f = (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]), k = 0x8f1bbcdc;
		else
			f = v[1] ^ v[2] ^ v[3], k = 0xca62c1d6;
		next = rotate(v[0], 5) + f + v[4] + k + w[i];
		v[4] = v[3];
		v[3] = v[2];
		v[2] = rotate(v[1], 30);
		v[1] = v[0];
		v[0] = next;
	}
	for (int i = 0; i < 5; i++)
		state[i] += v[i];
}

const char *sha1(const unsigned char *data, size_t length)
{
	static char hex[41];
	uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	unsigned char tail[128] = {0};
	size_t whole = length / 64 * 64, rest = length - whole, end = rest < 56 ? 64 : 128;
	uint64_t bits = (uint64_t)length * 8;

	for (size_t at = 0; at < whole; at += 64)
		add_block(state, data + at);
	memcpy(tail, data + whole, rest);
	tail[rest] = 0x80;
	for (int i = 0; i < 8; i++)
		tail[end - 1 - (size_t)i] = (unsigned char)(bits >> 8 * i);
	for (size_t at = 0; at < end; at += 64)
		add_block(state, tail + at);
	for (int i = 0; i < 5; i++)
		snprintf(hex + 8 * i, 9, "%08x", state[i]);
	return hex;
}
