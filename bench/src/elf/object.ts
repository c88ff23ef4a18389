import { assemble } from "@ebpf/asm";
import { BtfBuilder } from "@ebpf/btf";
import { writeObject } from "@ebpf/elf";
import type { MapSpec } from "@ebpf/platform";

/** How large a made object is. */
export interface ObjectShape {
  readonly programs: number;
  /** Instructions of each, but for its calls. */
  readonly instructions: number;
  /** Structures among its types. */
  readonly structures: number;
}

const MAPS: readonly MapSpec[] = ["hash", "array", "lru_hash", "percpu_array"].map((type, i) => ({
  name: `map_${i}`,
  type: type as MapSpec["type"],
  keySize: 4,
  valueSize: 64,
  maxEntries: 1024,
  flags: 0,
}));

/** Kernel functions that sections are named after; each program has a section of its own, as those of tracers have. */
const section = (i: number): string => `kprobe/function_${i}`;

const HELPERS = 8;

const programText = (i: number, instructions: number): string => {
  const lines = [
    `.section "${section(i)}","ax"`,
    `.globl program_${i}`,
    `.type program_${i},@function`,
    `program_${i}:`,
  ];
  lines.push("r6 = r1", "r2 = 0", "*(u32 *)(r10 - 4) = r2");
  for (let at = 0; at < instructions; at += 8) {
    lines.push(`r1 = map_${(i + at / 8) % MAPS.length} ll`, "r2 = r10", "r2 += -4", "call 1");
    lines.push(`if r0 == 0 goto .Lskip_${i}_${at}`, "r1 = *(u64 *)(r0 + 8)", `r1 += ${at}`, "*(u64 *)(r0 + 8) = r1");
    lines.push(`.Lskip_${i}_${at}:`);
  }
  lines.push(`call helper_${i % HELPERS}`, "r0 = 0", "exit");
  return lines.join("\n");
};

const helperText = (i: number): string =>
  [`.text`, `.type helper_${i},@function`, `helper_${i}:`, `r0 = ${i}`, "exit"].join("\n");

const types = (count: number) => {
  const builder = new BtfBuilder();
  const long = builder.int("unsigned long", 8);
  const int = builder.int("int", 4, "signed");
  let before = 0;
  for (let i = 0; i < count; i++) {
    const members = Object.fromEntries(Array.from({ length: 6 }, (_, m) => [`field_${i}_${m}`, m % 2 ? long : int]));
    before = builder.struct(`structure_${i}`, { ...members, next: builder.pointer(before) });
  }
  return builder.build();
};

/** An object like a tracer's: many programs with a section each, lines for every instruction, maps and structures. */
export const makeObject = ({ programs, instructions, structures }: ObjectShape): Uint8Array => {
  const numbers = Array.from({ length: programs }, (_, i) => i);
  const text = [
    ...numbers.map((i) => programText(i, instructions)),
    ...Array.from({ length: HELPERS }, (_, i) => helperText(i)),
  ].join("\n");
  return writeObject({
    assembly: assemble(text, { dialect: "kernel" }),
    license: "GPL",
    maps: MAPS,
    source: { file: "tracer.c", text },
    types: { btf: types(structures), functions: new Map() },
  });
};
