/* SPDX-License-Identifier: Apache-2.0 */
/* What bench kernels use of Linux's <linux/bpf.h>, with addresses as wide as the target's. */
#pragma once

#include <linux/types.h>

struct xdp_md {
	unsigned long data;
	unsigned long data_end;
};

enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };
