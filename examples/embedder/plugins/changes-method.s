// A filter may set the status, and not the method.
*(u32 *)(r1 + 8) = 1
r0 = 1
exit
