/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a bench kernel outside of BPF. SOURCE is its file, PROGRAM its function. */
#include SOURCE

static __u8 packet[0x10000];
static struct xdp_md context;

/* Puts a byte into the packet. */
__attribute__((visibility("default"), export_name("bench_put"))) void bench_put(int index, int byte)
{
	packet[index] = byte;
}

/* The packet is in place and has this length. */
__attribute__((visibility("default"), export_name("bench_begin"))) void bench_begin(int length)
{
	context.data = (unsigned long)packet;
	context.data_end = (unsigned long)packet + length;
}

__attribute__((visibility("default"), export_name("bench_enter"))) int bench_enter(void)
{
	return PROGRAM(&context);
}

/* A call through memory is one that no optimisation can take out of the loop. */
__attribute__((visibility("default"), export_name("bench_loop"))) int bench_loop(int runs)
{
	int (*volatile program)(struct xdp_md *) = PROGRAM;
	int result = 0;

	for (int i = 0; i < runs; i++)
		result = program(&context);
	return result;
}
