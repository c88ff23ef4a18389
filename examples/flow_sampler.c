// SPDX-License-Identifier: Apache-2.0
/*
 * Samples flows: hashes the addresses and ports of a packet in a subprogram, with a bounded loop, and keeps one flow in
 * `sample_rate`. The configuration is read-only data that a loader may set before the program is verified.
 */
#include "packet.h"

const volatile __u32 sample_rate = 4;
const volatile __u8 hash_rounds = 3;
const volatile __u32 seeds[4] = { 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f };

struct flow {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
};

struct sample {
	__u32 packets;
	__u32 last_length;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct flow);
	__type(value, struct sample);
} samples SEC(".maps");

__u32 seen;
__u32 skipped;

static __noinline __u32 mix(__u32 state, __u32 word)
{
	state ^= word * 0xcc9e2d51;
	state = state << 13 | state >> 19;
	return state * 5 + 0xe6546b64;
}

static __noinline __u32 hash_flow(const struct flow *flow)
{
	__u32 words[3] = { flow->source, flow->destination, (__u32)flow->source_port << 16 | flow->destination_port };
	__u32 state = 0;

	for (int round = 0; round < 4; round++) {
		if (round >= hash_rounds)
			break;
		state ^= seeds[round & 3];
		for (int i = 0; i < 3; i++)
			state = mix(state, words[i]);
	}
	return state;
}

SEC("xdp")
int flow_sampler(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethernet *ethernet = data;
	struct ipv4 *ip = data + IP_OFFSET;
	struct udp *ports = data + PORTS_OFFSET;
	struct sample fresh = { .packets = 1, .last_length = end - data };
	struct sample *known;
	struct flow flow = {};

	if ((void *)(ports + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4) || ip->version_ihl != 0x45)
		return XDP_PASS;
	seen++;

	flow.source = ip->source;
	flow.destination = ip->destination;
	if (ip->protocol == PROTOCOL_TCP || ip->protocol == PROTOCOL_UDP) {
		flow.source_port = ports->source;
		flow.destination_port = ports->destination;
	}
	if (hash_flow(&flow) % sample_rate) {
		skipped++;
		return XDP_PASS;
	}

	known = bpf_map_lookup_elem(&samples, &flow);
	if (known) {
		known->packets++;
		known->last_length = end - data;
	} else {
		bpf_map_update_elem(&samples, &flow, &fresh, BPF_ANY);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
