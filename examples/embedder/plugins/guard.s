// Lets a request through when it has a token and a JSON body, and its client some quota left.
r6 = r1
r1 = 0x6e656b6f742d78 ll        // "x-token"
*(u64 *)(r10 - 8) = r1
r1 = r10
r1 += -8
r2 = 7
r3 = r10
r3 += -24
r4 = 16
call request_header
r7 = 401
if r0 s< 1 goto refuse

r7 = 415
r2 = *(u32 *)(r6 + 0)           // body
r3 = *(u32 *)(r6 + 4)           // body_end
r4 = r2
r4 += 1
if r4 > r3 goto refuse
r5 = *(u8 *)(r2 + 0)
if r5 != 0x7b goto refuse       // "{"

r7 = 429
r1 = *(u64 *)(r6 + 16)          // client
*(u64 *)(r10 - 8) = r1
r1 = map[fd:1]
r2 = r10
r2 += -8
call quota_take
if r0 s< 0 goto refuse
r0 = 1
exit

refuse:
*(u32 *)(r6 + 12) = r7          // status
r0 = 0
exit
