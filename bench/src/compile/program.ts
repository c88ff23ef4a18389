import { assemble } from "@ebpf/asm";
import { type ProgramSpec, programSpec } from "@ebpf/platform";

/** Instructions of a unit, and bytes of the packet that units read in turn. */
const UNIT = 15;
const BYTES = 64;
const SPILLS = 8;

/** Loads, a comparison, two ways, and numbers on the stack, as large programs are made of. */
const unit = (index: number): string => `
  r2 = *(u8 *)(r6 + ${index % BYTES})
  r3 = *(u64 *)(r10 - ${8 + 8 * (index % SPILLS)})
  if w2 > ${(index * 37) % 256} goto other${index}
  r3 += r2
  r3 *= ${(2 * index + 1) % 1000}
  *(u64 *)(r10 - ${8 + 8 * (index % SPILLS)}) = r3
  r7 ^= r3
  goto behind${index}
other${index}:
  w4 = w3
  w4 >>= ${index % 32}
  r7 += r4
  r7 |= 1
behind${index}:
  r5 = r7
  r5 <<= ${index % 8}
  w7 = w5`;

/** An XDP program of about so many instructions that the verifier accepts: forward branches over packet and stack. */
export const programOf = (instructions: number): ProgramSpec => {
  const units = Array.from({ length: Math.floor(instructions / UNIT) }, (_, index) => unit(index));
  const spills = Array.from({ length: SPILLS }, (_, index) => `*(u64 *)(r10 - ${8 + 8 * index}) = ${index}`);
  const text = `
  r6 = *(u32 *)(r1 + 0)
  r2 = *(u32 *)(r1 + 4)
  r3 = r6
  r3 += ${BYTES}
  r0 = 0
  if r3 > r2 goto out
  r7 = 0
  ${spills.join("\n  ")}
  ${units.join("")}
  r0 = r7
  r0 &= 0xffff
out:
  exit`;
  return programSpec("xdp", assemble(text, { dialect: "kernel" }).sections[0]!.instructions);
};
