/* SPDX-License-Identifier: Apache-2.0 */
/* What all bench kernels share: XDP programs that compute a number from the packet and return its low 31 bits. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#define PACKET_BYTES 1024

/* The first PACKET_BYTES bytes of the packet; programs return 0 for shorter ones. */
#define KERNEL(name)                                                             \
	static __always_inline __u32 kernel(__u8 *packet);                       \
	SEC("xdp") int name(struct xdp_md *ctx)                                  \
	{                                                                        \
		__u8 *packet = (void *)(long)ctx->data;                          \
		if (packet + PACKET_BYTES > (__u8 *)(long)ctx->data_end)         \
			return 0;                                                \
		return kernel(packet) & 0x7fffffff;                              \
	}                                                                        \
	char LICENSE[] SEC("license") = "GPL";                                   \
	static __always_inline __u32 kernel(__u8 *packet)
