// The body may be empty: whether its first byte is there has to be asked.
r2 = *(u32 *)(r1 + 0)
r0 = *(u8 *)(r2 + 0)
r0 &= 1
exit
