// SPDX-License-Identifier: Apache-2.0
/* Decodes the packet as UTF-8 with a small state machine of branches, and counts what is well formed. */
#include "kernel.h"

KERNEL(utf8)
{
	__u32 wanted = 0, point = 0, sum = 0, broken = 0;

	for (int i = 0; i < 512; i++) {
		__u32 byte = packet[i];

		if (wanted > 0) {
			if ((byte & 0xc0) != 0x80) {
				broken++;
				wanted = 0;
				continue;
			}
			point = point << 6 | (byte & 0x3f);
			if (--wanted == 0)
				sum += point;
		} else if (byte < 0x80) {
			sum += byte;
		} else if (byte >= 0xc2 && byte < 0xe0) {
			wanted = 1;
			point = byte & 0x1f;
		} else if (byte >= 0xe0 && byte < 0xf0) {
			wanted = 2;
			point = byte & 0xf;
		} else if (byte >= 0xf0 && byte < 0xf5) {
			wanted = 3;
			point = byte & 7;
		} else {
			broken++;
		}
	}
	return sum * 7 + broken;
}
