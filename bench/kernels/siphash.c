// SPDX-License-Identifier: Apache-2.0
/* SipHash-2-4 of the first 256 bytes of the packet: 64-bit additions, rotations and exclusive ors. */
#include "kernel.h"

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

struct state {
	__u64 v0, v1, v2, v3;
};

static __always_inline void sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = ROTATE(s->v1, 13) ^ s->v0;
	s->v3 = ROTATE(s->v3, 16) ^ s->v2;
	s->v0 = ROTATE(s->v0, 32) + s->v3;
	s->v2 += s->v1;
	s->v1 = ROTATE(s->v1, 17) ^ s->v2;
	s->v3 = ROTATE(s->v3, 21) ^ s->v0;
	s->v2 = ROTATE(s->v2, 32);
}

KERNEL(siphash)
{
	const __u64 k0 = 0x0706050403020100, k1 = 0x0f0e0d0c0b0a0908;
	struct state s = {
		k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573,
	};

	for (int i = 0; i < 256; i += 8) {
		__u64 word = *(__u64 *)(packet + i);

		s.v3 ^= word;
		sip_round(&s);
		sip_round(&s);
		s.v0 ^= word;
	}
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
