// SPDX-License-Identifier: Apache-2.0
/* Reports every opened file as a structured event through a ring buffer. */
#include "packet.h"

struct open_event {
	__u64 time_ns;
	__u32 pid;
	__u32 uid;
	__s32 flags;
	char command[16];
};

/* Layout of the tracepoint syscalls:sys_enter_openat. */
struct openat_context {
	__u64 common;
	__s64 syscall;
	__u64 directory;
	__u64 filename;
	__u64 flags;
	__u64 mode;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

/* Keeps the event's type in the object's BTF, so that readers can decode it by name. */
const struct open_event *open_event_type __attribute__((unused));

/* Events that found the buffer full. */
__u64 lost;

SEC("tracepoint/syscalls/sys_enter_openat")
int trace_openat(struct openat_context *ctx)
{
	struct open_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		lost++;
		return 0;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = bpf_get_current_uid_gid();
	event->flags = ctx->flags;
	bpf_get_current_comm(event->command, sizeof(event->command));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
