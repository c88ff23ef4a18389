/* SPDX-License-Identifier: Apache-2.0 */
/* What bench kernels use of libbpf's <bpf/bpf_helpers.h>. There are no helpers: kernels that call some don't link. */
#pragma once

#define SEC(name) __attribute__((used))
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2 };

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
