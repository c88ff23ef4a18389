// SPDX-License-Identifier: Apache-2.0
/* Where a four-byte pattern occurs in the packet, by comparing bytes: a string search as filters do it. */
#include "kernel.h"

/* Outside of registers, so that the verifier joins the ways through the loop. */
static volatile __u32 found;

KERNEL(search)
{
	found = 0;

	for (int i = 0; i < PACKET_BYTES - 4; i++) {
		if (packet[i] != 0x8a)
			continue;
		if (packet[i + 1] == 0x0d && packet[i + 2] == 0x90 && packet[i + 3] == 0x13)
			found = found * 31 + i;
		else
			found++;
	}
	return found;
}
