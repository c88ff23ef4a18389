// SPDX-License-Identifier: Apache-2.0
/* A small automaton over the bytes of the packet: data-dependent branches between few states. */
#include "kernel.h"

/* Outside of registers, so that the verifier joins the states instead of walking each way through the automaton. */
static volatile __u32 state, accepted;

KERNEL(state_machine)
{
	state = 0;
	accepted = 0;

	for (int i = 0; i < 256; i++) {
		__u32 byte = packet[i];

		switch (state & 3) {
		case 0:
			state = byte < 64 ? 1 : 0;
			break;
		case 1:
			state = byte & 1 ? 2 : 1;
			break;
		case 2:
			state = byte > 128 ? 3 : 0;
			break;
		default:
			accepted += byte;
			state = 0;
		}
	}
	return accepted;
}
