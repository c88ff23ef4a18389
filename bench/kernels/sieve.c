// SPDX-License-Identifier: Apache-2.0
/* Counts the primes below 1,920 with a sieve of Eratosthenes in a bit set on the stack. */
#include "kernel.h"

#define LIMIT 1920

KERNEL(sieve)
{
	__u64 composite[LIMIT / 64] = {};
	__u32 primes = packet[0] & 1;

	for (__u32 n = 2; n < LIMIT; n++) {
		if (composite[n / 64] >> n % 64 & 1)
			continue;
		primes++;
		for (__u32 multiple = n * n; multiple < LIMIT; multiple += n)
			composite[multiple / 64] |= 1ULL << multiple % 64;
	}
	return primes;
}
