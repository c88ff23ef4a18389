/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's names of integer types, for bench kernels compiled to something else than BPF. */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
