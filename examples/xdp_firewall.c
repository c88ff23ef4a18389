// SPDX-License-Identifier: Apache-2.0
/*
 * A firewall at the network driver. Sources on the blocklist are dropped; a source that knocks at the trap port joins
 * the list. Counts packets and bytes of each protocol.
 */
#include "packet.h"

struct block {
	__u64 since_ns;
	__u64 dropped;
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

enum protocol_class {
	CLASS_OTHER,
	CLASS_ICMP,
	CLASS_TCP,
	CLASS_UDP,
	CLASS_IPV6,
	CLASS_COUNT,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __be32);
	__type(value, struct block);
} blocklist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CLASS_COUNT);
	__type(key, __u32);
	__type(value, struct traffic);
} protocols SEC(".maps");

/* Nobody has business at this port; whoever connects is scanning. */
const volatile __u16 trap_port = 23;

static __always_inline void count(enum protocol_class class, __u64 bytes)
{
	__u32 key = class;
	struct traffic *traffic = bpf_map_lookup_elem(&protocols, &key);

	if (traffic) {
		traffic->packets++;
		traffic->bytes += bytes;
	}
}

static __always_inline enum protocol_class class_of(__u8 protocol)
{
	switch (protocol) {
	case PROTOCOL_ICMP:
		return CLASS_ICMP;
	case PROTOCOL_TCP:
		return CLASS_TCP;
	case PROTOCOL_UDP:
		return CLASS_UDP;
	default:
		return CLASS_OTHER;
	}
}

static __always_inline int knocks_at_trap(const struct ipv4 *ip, void *end)
{
	struct tcp *tcp;

	if (ip->protocol != PROTOCOL_TCP || ip->version_ihl != 0x45)
		return 0;
	tcp = HEADER_AT(struct tcp, ip + 1, end);
	return tcp && tcp->destination == bpf_htons(trap_port);
}

SEC("xdp")
int xdp_firewall(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethernet *ethernet = HEADER_AT(struct ethernet, data, end);
	struct block *blocked;
	struct ipv4 *ip;

	if (!ethernet)
		return XDP_DROP;
	if (ethernet->type == bpf_htons(ETHERTYPE_IPV6)) {
		count(CLASS_IPV6, end - data);
		return XDP_PASS;
	}
	if (ethernet->type != bpf_htons(ETHERTYPE_IPV4)) {
		count(CLASS_OTHER, end - data);
		return XDP_PASS;
	}

	ip = HEADER_AT(struct ipv4, ethernet + 1, end);
	if (!ip)
		return XDP_DROP;
	count(class_of(ip->protocol), end - data);

	blocked = bpf_map_lookup_elem(&blocklist, &ip->source);
	if (blocked) {
		blocked->dropped++;
		return XDP_DROP;
	}
	if (knocks_at_trap(ip, end)) {
		struct block fresh = { .since_ns = bpf_ktime_get_ns(), .dropped = 1 };

		bpf_map_update_elem(&blocklist, &ip->source, &fresh, BPF_ANY);
		return XDP_DROP;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
