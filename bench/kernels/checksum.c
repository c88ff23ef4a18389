// SPDX-License-Identifier: Apache-2.0
/* The Internet checksum (RFC 1071) of the packet. */
#include "kernel.h"

KERNEL(checksum)
{
	__u64 sum = 0;

	for (int i = 0; i < PACKET_BYTES; i += 2)
		sum += *(__u16 *)(packet + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}
