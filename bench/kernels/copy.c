// SPDX-License-Identifier: Apache-2.0
/* Copies the packet to the value of an array map byte by byte, then adds up its words. */
#include "kernel.h"

struct copy {
	__u8 bytes[PACKET_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct copy);
} copies SEC(".maps");

KERNEL(copy)
{
	__u32 key = 0, sum = 0;
	struct copy *copy = bpf_map_lookup_elem(&copies, &key);

	if (!copy)
		return 0;
	for (int i = 0; i < PACKET_BYTES; i++)
		copy->bytes[i] = packet[i];
	for (int i = 0; i < PACKET_BYTES; i += 64)
		sum += *(__u32 *)(copy->bytes + i);
	return sum;
}
