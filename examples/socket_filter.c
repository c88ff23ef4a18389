// SPDX-License-Identifier: Apache-2.0
/*
 * A filter for a capture socket: keeps the first bytes of TCP packets and drops everything else. Counts how many
 * packets of each length class were kept.
 */
#include "packet.h"

#define SNAP_LENGTH 96
#define LENGTH_CLASSES 8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LENGTH_CLASSES);
	__type(key, __u32);
	__type(value, __u64);
} kept SEC(".maps");

SEC("socket")
int socket_filter(struct __sk_buff *skb)
{
	__u32 class = skb->len / 256;
	__be16 type;
	__u64 *counter;
	__u8 protocol;

	if (bpf_skb_load_bytes(skb, 12, &type, sizeof(type)) || type != bpf_htons(ETHERTYPE_IPV4))
		return 0;
	if (bpf_skb_load_bytes(skb, 23, &protocol, sizeof(protocol)) || protocol != PROTOCOL_TCP)
		return 0;

	if (class >= LENGTH_CLASSES)
		class = LENGTH_CLASSES - 1;
	counter = bpf_map_lookup_elem(&kept, &class);
	if (counter)
		__sync_fetch_and_add(counter, 1);
	return SNAP_LENGTH;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
