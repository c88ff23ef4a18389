// SPDX-License-Identifier: Apache-2.0
/* Multiplies two 8 by 8 matrices of bytes from the packet: nested loops, multiply and add. */
#include "kernel.h"

KERNEL(matrix)
{
	__u32 sum = 0;

	for (int row = 0; row < 8; row++) {
		for (int column = 0; column < 8; column++) {
			__u32 cell = 0;

			for (int i = 0; i < 8; i++)
				cell += packet[8 * row + i] * packet[64 + 8 * i + column];
			sum = sum * 31 + cell;
		}
	}
	return sum;
}
