// SPDX-License-Identifier: Apache-2.0
/* Counts 16-byte keys cut from the packet in a hash map. */
#include "kernel.h"

struct key {
	__u64 words[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct key);
	__type(value, __u64);
} counters SEC(".maps");

KERNEL(hash_counters)
{
	__u32 found = 0;

	for (int i = 0; i < 64; i++) {
		struct key key = { { *(__u64 *)(packet + 8 * i), *(__u64 *)(packet + 8 * i + 8) } };
		__u64 *count = bpf_map_lookup_elem(&counters, &key);
		__u64 one = 1;

		if (count)
			++*count;
		else
			bpf_map_update_elem(&counters, &key, &one, BPF_ANY);
		found += key.words[0] & 0xff;
	}
	return found;
}
