// SPDX-License-Identifier: Apache-2.0
/* 64-bit divisions and remainders by numbers from the packet. */
#include "kernel.h"

KERNEL(divmod)
{
	__u64 sum = 0;

	for (int i = 0; i < 512; i += 2) {
		__u64 number = *(__u16 *)(packet + i) * 2654435761u;
		__u64 divisor = packet[i + 1] | 1;

		sum += number / divisor ^ number % divisor;
	}
	return sum ^ sum >> 32;
}
