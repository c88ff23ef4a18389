// SPDX-License-Identifier: Apache-2.0
/* A chain of small subprograms called in a loop: what a local call costs. */
#include "kernel.h"

static __noinline __u64 shuffle(__u64 state)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^ state << 17;
}

static __noinline __u64 absorb(__u64 state, __u64 word)
{
	return shuffle(state + word);
}

KERNEL(subprograms)
{
	__u64 state = 0x2545f4914f6cdd1d;

	for (int i = 0; i < 256; i++)
		state = absorb(state, packet[i]);
	return state ^ state >> 32;
}
