// SPDX-License-Identifier: Apache-2.0
/* Adler-32 (RFC 1950) of the packet, with a division by the constant 65,521 every 256 bytes. */
#include "kernel.h"

KERNEL(adler32)
{
	__u32 a = 1, b = 0;

	for (int block = 0; block < PACKET_BYTES; block += 256) {
		for (int i = 0; i < 256; i++) {
			a += packet[block + i];
			b += a;
		}
		a %= 65521;
		b %= 65521;
	}
	return b << 16 | a;
}
