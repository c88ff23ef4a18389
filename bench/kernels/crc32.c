// SPDX-License-Identifier: Apache-2.0
/* CRC-32 (IEEE 802.3), bit by bit, of the first 128 bytes of the packet. */
#include "kernel.h"

KERNEL(crc32)
{
	__u32 crc = 0xffffffff;

	for (int i = 0; i < 128; i++) {
		crc ^= packet[i];
		for (int bit = 0; bit < 8; bit++) {
			__u32 low = crc & 1;

			/* A product of an opaque bit: a branch, or a mask of 0 or -1, would double the verifier's paths. */
			asm volatile("" : "+r"(low));
			crc = crc >> 1 ^ 0xedb88320 * low;
		}
	}
	return ~crc;
}
