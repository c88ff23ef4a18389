// SPDX-License-Identifier: Apache-2.0
/* The 64-bit FNV-1a hash of the packet: a byte load and a 64-bit multiplication a step. */
#include "kernel.h"

KERNEL(fnv1a)
{
	__u64 hash = 0xcbf29ce484222325;

	for (int i = 0; i < PACKET_BYTES; i++)
		hash = (hash ^ packet[i]) * 0x100000001b3;
	return hash ^ hash >> 32;
}
