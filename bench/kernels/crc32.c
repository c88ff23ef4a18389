// SPDX-License-Identifier: Apache-2.0
/* CRC-32 (IEEE 802.3), bit by bit, of the first 128 bytes of the packet. */
#include "kernel.h"

KERNEL(crc32)
{
	__u32 crc = 0xffffffff;

	for (int i = 0; i < 128; i++) {
		crc ^= packet[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
	}
	return ~crc;
}
