// SPDX-License-Identifier: Apache-2.0
/*
 * Sends DNS queries to another server: rewrites the destination address and port of matching UDP packets and mends
 * both checksums incrementally.
 */
#include <stddef.h>

#include "packet.h"

#define TC_ACT_OK 0

const volatile __u16 from_port = 53;
const volatile __u16 to_port = 5353;
const volatile __be32 to_address = bpf_htonl(0x0a000035); /* 10.0.0.53 */

__u64 rewritten;

static __always_inline int redirect_query(struct __sk_buff *skb, __be32 old_address, __be16 old_port, int has_checksum)
{
	__be32 address = to_address;
	__be16 port = bpf_htons(to_port);

	if (has_checksum) {
		bpf_l4_csum_replace(skb, PORTS_OFFSET + offsetof(struct udp, checksum), old_address, address,
				    BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | sizeof(address));
		bpf_l4_csum_replace(skb, PORTS_OFFSET + offsetof(struct udp, checksum), old_port, port,
				    BPF_F_MARK_MANGLED_0 | sizeof(port));
	}
	bpf_l3_csum_replace(skb, IP_OFFSET + offsetof(struct ipv4, checksum), old_address, address, sizeof(address));
	bpf_skb_store_bytes(skb, IP_OFFSET + offsetof(struct ipv4, destination), &address, sizeof(address), 0);
	bpf_skb_store_bytes(skb, PORTS_OFFSET + offsetof(struct udp, destination), &port, sizeof(port), 0);
	__sync_fetch_and_add(&rewritten, 1);
	return TC_ACT_OK;
}

SEC("tc")
int tc_rewrite(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ethernet *ethernet = data;
	struct ipv4 *ip = data + IP_OFFSET;
	struct udp *udp = data + PORTS_OFFSET;

	if ((void *)(udp + 1) > end)
		return TC_ACT_OK;
	if (ethernet->type != bpf_htons(ETHERTYPE_IPV4) || ip->version_ihl != 0x45)
		return TC_ACT_OK;
	if (ip->protocol != PROTOCOL_UDP || udp->destination != bpf_htons(from_port))
		return TC_ACT_OK;
	return redirect_query(skb, ip->destination, udp->destination, udp->checksum != 0);
}

char LICENSE[] SEC("license") = "GPL";
