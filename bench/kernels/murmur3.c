// SPDX-License-Identifier: Apache-2.0
/* MurmurHash3 (32 bits) of the packet: 32-bit multiplications and rotations. */
#include "kernel.h"

#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))

KERNEL(murmur3)
{
	__u32 hash = 0x9747b28c;

	for (int i = 0; i < PACKET_BYTES; i += 4) {
		__u32 word = *(__u32 *)(packet + i) * 0xcc9e2d51;

		hash ^= ROTATE(word, 15) * 0x1b873593;
		hash = ROTATE(hash, 13) * 5 + 0xe6546b64;
	}
	hash ^= PACKET_BYTES;
	hash = (hash ^ hash >> 16) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}
