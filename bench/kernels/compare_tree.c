// SPDX-License-Identifier: Apache-2.0
/* A switch over port numbers, as classifiers have it: a tree of comparisons for each word of the packet. */
#include "kernel.h"

static __always_inline __u32 weigh(__u32 port)
{
	switch (port) {
	case 20: return 3;
	case 21: return 7;
	case 22: return 11;
	case 23: return 23;
	case 25: return 5;
	case 53: return 41;
	case 67: return 13;
	case 68: return 17;
	case 69: return 19;
	case 80: return 29;
	case 88: return 31;
	case 110: return 37;
	case 119: return 43;
	case 123: return 47;
	case 137: return 53;
	case 138: return 59;
	case 139: return 61;
	case 143: return 67;
	case 161: return 71;
	case 162: return 73;
	case 179: return 79;
	case 194: return 83;
	case 220: return 89;
	case 443: return 97;
	default: return 1;
	}
}

/* Outside of registers, so that the verifier joins what the cases give. */
static volatile __u32 sum;

KERNEL(compare_tree)
{
	sum = 0;

	for (int i = 0; i < 256; i++)
		sum += weigh(packet[i]);
	return sum;
}
