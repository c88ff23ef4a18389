// SPDX-License-Identifier: Apache-2.0
/* Base64 of 192 bytes of the packet through a table in read-only data, and a checksum of what comes out. */
#include "kernel.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

KERNEL(base64)
{
	__u32 sum = 0;

	for (int i = 0; i < 192; i += 3) {
		__u32 group = packet[i] << 16 | packet[i + 1] << 8 | packet[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			sum = sum * 33 + alphabet[group >> shift & 63];
	}
	return sum;
}
