// SPDX-License-Identifier: Apache-2.0
/* Sorts groups of eight words of the packet with a network of compare and swap, and takes their medians. */
#include "kernel.h"

#define SWAP(i, j)                                   \
	do {                                         \
		__u32 low = v[i] < v[j] ? v[i] : v[j]; \
		__u32 high = v[i] < v[j] ? v[j] : v[i]; \
		v[i] = low, v[j] = high;             \
	} while (0)

KERNEL(sort_network)
{
	__u32 sum = 0;

	for (int group = 0; group < 16; group++) {
		__u32 v[8];

		for (int i = 0; i < 8; i++)
			v[i] = *(__u32 *)(packet + 32 * group + 4 * i);
		SWAP(0, 1); SWAP(2, 3); SWAP(4, 5); SWAP(6, 7);
		SWAP(0, 2); SWAP(1, 3); SWAP(4, 6); SWAP(5, 7);
		SWAP(1, 2); SWAP(5, 6); SWAP(0, 4); SWAP(3, 7);
		SWAP(1, 5); SWAP(2, 6);
		SWAP(1, 4); SWAP(3, 6);
		SWAP(2, 4); SWAP(3, 5);
		SWAP(3, 4);
		sum = sum * 31 + v[3] + 2 * v[4] + 3 * v[0] + 5 * v[7];
	}
	return sum;
}
