// SPDX-License-Identifier: Apache-2.0
/* How long a kernel function takes, as a histogram with a bucket for each power of two of nanoseconds. */
#include "packet.h"

#define BUCKETS 64

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} latency SEC(".maps");

static __always_inline __u32 log2_of(__u64 value)
{
	__u32 result = 0;

	for (int shift = 32; shift; shift >>= 1) {
		if (value >> shift) {
			value >>= shift;
			result += shift;
		}
	}
	return result;
}

SEC("kprobe/vfs_read")
int function_entered(void *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&started, &thread, &now, BPF_ANY);
	return 0;
}

SEC("kretprobe/vfs_read")
int function_returned(void *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 *start = bpf_map_lookup_elem(&started, &thread);
	__u64 *bucket;
	__u32 index;

	if (!start)
		return 0;
	index = log2_of(bpf_ktime_get_ns() - *start);
	bpf_map_delete_elem(&started, &thread);
	bucket = bpf_map_lookup_elem(&latency, &index);
	if (bucket)
		__sync_fetch_and_add(bucket, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
