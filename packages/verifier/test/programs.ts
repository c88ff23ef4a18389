import { type Assembly, assemble, findOperation, type Instruction, wideInstruction } from "@ebpf/asm";
import { linux, type MapSpec, type ProgramSpec, programSpec } from "@ebpf/platform";
import { type Report, verify } from "../src/index.js";

/** Maps that test programs may name by these handles in `r1 = map(…)` of `program`. */
export const MAPS = {
  hash: { name: "hash", type: "hash", keySize: 4, valueSize: 16, maxEntries: 8, flags: 0 },
  array: { name: "array", type: "array", keySize: 4, valueSize: 16, maxEntries: 1, flags: 0 },
  rodata: {
    name: ".rodata",
    type: "array",
    keySize: 4,
    valueSize: 8,
    maxEntries: 1,
    flags: 128,
    frozen: true,
    initial: [{ key: new Uint8Array(4), value: Uint8Array.from([7, 0, 0, 0, 104, 105, 0, 33]) }],
  },
  writeOnly: { name: "log", type: "array", keySize: 4, valueSize: 16, maxEntries: 1, flags: 256 },
  ringbuf: { name: "events", type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 },
  programs: { name: "programs", type: "prog_array", keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 },
} as const satisfies Record<string, MapSpec>;

const HANDLES = Object.fromEntries(Object.keys(MAPS).map((name, index) => [name, index + 1]));

const helperId = (name: string): number | undefined => {
  for (const { id, name: full } of linux.helpers.values()) if (full === name || full === `bpf_${name}`) return id;
  return undefined;
};

/** `r1 = map NAME` and `r1 = value NAME[+OFFSET]` become LD_IMM64s: src 1 or 2 in a raw word. */
const withMaps = (text: string): string =>
  text.replace(/r(\d+) = (map|value) (\w+)(?:\+(\d+))?/g, (_all, register, kind, name, offset) => {
    const src = kind === "map" ? 1 : 2;
    const low = [0x18, Number(register) | (src << 4), 0, 0, HANDLES[name] ?? 99, 0, 0, 0];
    const high = [0, 0, 0, 0, Number(offset ?? 0), 0, 0, 0];
    return `.byte ${[...low, ...high].join(", ")}`;
  });

/** Function addresses, `r1 = LABEL`, are relocations of the assembler; here the loader's work is done by hand. */
const linkFunctions = (assembly: Assembly): readonly Instruction[] => {
  const section = assembly.sections.find(({ executable }) => executable)!;
  const slots = [...section.instructions];
  for (const { kind, offset, symbol } of assembly.relocations) {
    const target = assembly.symbols.find(({ name }) => name === symbol);
    if (kind !== "imm64" || target === undefined) continue;
    const pc = offset / 8;
    const distance = target.offset / 8 - pc - 1;
    slots.splice(pc, 2, ...wideInstruction(findOperation("lddw_function")!, slots[pc]!.dst, distance, 0));
  }
  return slots;
};

/** Instructions of kernel-dialect text. */
export const instructions = (text: string): readonly Instruction[] =>
  linkFunctions(assemble(withMaps(text), { dialect: "kernel", helpers: helperId }));

/** Linux wants types of functions that are called back; that there are some is enough. */
const calledBack = (slots: readonly Instruction[]): ProgramSpec["functions"] =>
  slots.flatMap(({ op, imm }, pc) =>
    op.family === "lddw" && op.meaning === "function"
      ? [{ pc: pc + imm + 1, name: `f${pc + imm + 1}`, typeId: 1, linkage: "static" as const }]
      : [],
  );

/** A program from kernel-dialect text; XDP under the GPL unless said otherwise. */
export const program = (text: string, { type = "xdp", ...more }: Partial<ProgramSpec> = {}): ProgramSpec => {
  const slots = instructions(text);
  return programSpec(type, slots, {
    maps: new Map(Object.entries(MAPS).map(([name, map]) => [HANDLES[name]!, map])),
    functions: calledBack(slots),
    ...more,
  });
};

export const verdictOf = (text: string, more: Partial<ProgramSpec> = {}): Report => verify(program(text, more));
