// SPDX-License-Identifier: Apache-2.0
/* The compression function of SHA-1 over 64 bytes of the packet: rotations, and a schedule of words on the stack. */
#include "kernel.h"

#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))

KERNEL(sha1)
{
	__u32 schedule[16];
	__u32 a = 0x67452301, b = 0xefcdab89, c = 0x98badcfe, d = 0x10325476, e = 0xc3d2e1f0;

	for (int i = 0; i < 16; i++)
		schedule[i] = __builtin_bswap32(*(__u32 *)(packet + 4 * i));
	for (int i = 0; i < 80; i++) {
		__u32 f, k, next;

		if (i >= 16) {
			__u32 word = schedule[(i + 13) & 15] ^ schedule[(i + 8) & 15] ^ schedule[(i + 2) & 15] ^
				     schedule[i & 15];

			schedule[i & 15] = ROTATE(word, 1);
		}
		if (i < 20)
			f = (b & c) | (~b & d), k = 0x5a827999;
		else if (i < 40)
			f = b ^ c ^ d, k = 0x6ed9eba1;
		else if (i < 60)
			f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
		else
			f = b ^ c ^ d, k = 0xca62c1d6;
		next = ROTATE(a, 5) + f + e + k + schedule[i & 15];
		e = d, d = c, c = ROTATE(b, 30), b = a, a = next;
	}
	return a ^ b ^ c ^ d ^ e;
}
