// SPDX-License-Identifier: Apache-2.0
/* A bitmap in global data: sets bits by bytes of the packet, and looks for the next free one by counting bits. */
#include "kernel.h"

static __u64 bits[32];

KERNEL(bitmap)
{
	__u32 sum = 0;

	for (int i = 0; i < 32; i++)
		bits[i] = 0;
	for (int i = 0; i < 256; i++) {
		__u32 at = packet[i] | (packet[i + 256] & 7) << 8;
		__u64 free;

		bits[at >> 6] |= 1ULL << (at & 63);
		free = ~bits[at >> 6];
		free = (free & -free) - 1;
		free -= free >> 1 & 0x5555555555555555;
		free = (free & 0x3333333333333333) + (free >> 2 & 0x3333333333333333);
		free = (free + (free >> 4)) & 0x0f0f0f0f0f0f0f0f;
		sum = sum * 5 + (__u32)(free * 0x0101010101010101 >> 56);
	}
	return sum;
}
