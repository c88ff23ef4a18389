// SPDX-License-Identifier: Apache-2.0
/* Nothing but the bounds check: what a call of a program costs. Reported by itself. */
#include "kernel.h"

KERNEL(empty)
{
	return packet[0];
}
