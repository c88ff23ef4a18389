// SPDX-License-Identifier: Apache-2.0
/* Counts the values of the first 256 bytes of the packet in an array map, a look-up a byte. */
#include "kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} histogram SEC(".maps");

KERNEL(byte_histogram)
{
	__u32 distinct = 0;

	for (int i = 0; i < 256; i++) {
		__u32 key = packet[i];
		__u64 *count = bpf_map_lookup_elem(&histogram, &key);

		if (count) {
			distinct += key;
			++*count;
		}
	}
	return distinct;
}
