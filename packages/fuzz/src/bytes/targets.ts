import { assemble, disassemble, OPERATIONS } from "@ebpf/asm";
import { BtfBuilder, decodeBtf, decodeBtfExt, encodeBtf, encodeBtfSections } from "@ebpf/btf";
import { readObject } from "@ebpf/elf";
import { smallElf } from "./small-elf.js";

/** A parser that takes bytes from anywhere. */
export interface ByteTarget {
  /** Parses, and uses what came out as its callers would. Throws what the parser throws. */
  readonly run: (input: Uint8Array) => void;
  /** Small valid inputs to begin with. */
  readonly seeds: () => readonly Uint8Array[];
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Types of several kinds, and what belongs to the code of a section `xdp`. */
const smallBtf = (): ReturnType<typeof encodeBtfSections> => {
  const types = new BtfBuilder();
  const int = types.add({ kind: "int", name: "int", size: 4, encoding: "signed", bitOffset: 0, bits: 32 });
  const pointer = types.add({ kind: "ptr", type: types.nextId + 1 });
  types.add({
    kind: "struct",
    name: "node",
    size: 16,
    members: [
      { name: "next", type: pointer, bitOffset: 0, bitSize: 0 },
      { name: "flag", type: int, bitOffset: 64, bitSize: 3 },
    ],
  });
  types.add({ kind: "enum", name: "e", size: 4, signed: true, values: [{ name: "A", value: -1 }] });
  const array = types.add({ kind: "array", elementType: int, indexType: int, length: 3 });
  types.add({ kind: "typedef", name: "triple", type: array });
  const proto = types.add({ kind: "func_proto", returnType: int, parameters: [{ name: "a", type: pointer }] });
  const typeId = types.add({ kind: "func", name: "prog", type: proto, linkage: "global" });
  const line = { offset: 0, file: "a.c", text: "return 2;", line: 3, column: 1 };
  return encodeBtfSections(types.build(), {
    functions: new Map([["xdp", [{ offset: 0, typeId }]]]),
    lines: new Map([["xdp", [line]]]),
    relocations: new Map([["xdp", [{ offset: 0, typeId: 3, access: "0:1", kind: "field_byte_offset" }]]]),
  });
};

/** `.BTF` and `.BTF.ext` in one input: the first two bytes say where the second begins. */
const withExt = ({ btf, ext }: ReturnType<typeof smallBtf>): Uint8Array => {
  const input = new Uint8Array(2 + btf.length + ext.length);
  new DataView(input.buffer).setUint16(0, btf.length, true);
  input.set(btf, 2);
  input.set(ext, 2 + btf.length);
  return input;
};

const runBtf = (input: Uint8Array): void => {
  const split = input.length < 2 ? 0 : new DataView(input.buffer, input.byteOffset).getUint16(0, true);
  const btf = decodeBtf(input.slice(2, 2 + split));
  for (const [id, { kind }] of btf.types.entries()) {
    if (kind === "void") continue;
    btf.typeName(id);
    if (kind === "struct" || kind === "union" || kind === "datasec") btf.fields(id);
  }
  encodeBtf(btf);
  if (input.length > 2 + split) decodeBtfExt(input.slice(2 + split), btf);
};

const runElf = (input: Uint8Array): void => {
  for (const entry of readObject(input).programs) {
    if ("spec" in entry) disassemble(entry.spec.instructions, { dialect: "kernel" });
  }
};

const DIALECTS = ["kernel", "gas", "ubpf"] as const;

/** The first byte chooses the dialect. */
const runAsm = (input: Uint8Array): void => {
  const dialect = DIALECTS[(input[0] ?? 0) % DIALECTS.length]!;
  for (const { instructions } of assemble(new TextDecoder().decode(input.subarray(1)), { dialect }).sections) {
    disassemble(instructions, { dialect });
  }
};

const ASM_SEEDS: readonly string[] = [
  '\u0000.text\nf: r0 = 1\nif r0 > 5 goto +1\ncall f\nexit\n.data\nx: .long 1, 2\n.asciz "a\\n"\n',
  "\u0001mov %r0, 1\njeq %r0, 5, out\nldxw %r1, [%r10-4]\nout: exit\n",
  "\u0002mov32 %r1, 2\nlddw %r1, 0x1122334455667788\nlock fetch add [%r10-8], %r1\nexit\n",
  `\u0000r0 = ${OPERATIONS.length} ll\n.equ a, (1 + 2) * 3\nr0 += a\nlock *(u64 *)(r10 -8) += r0\nexit\n`,
];

/** The parsers, by the name that `--oracle` knows them under. */
export const BYTE_TARGETS = {
  elf: { run: runElf, seeds: () => [smallElf(smallBtf().btf)] },
  btf: { run: runBtf, seeds: () => [withExt(smallBtf())] },
  asm: { run: runAsm, seeds: () => ASM_SEEDS.map(bytesOf) },
} as const satisfies Record<string, ByteTarget>;

export type ByteTargetName = keyof typeof BYTE_TARGETS;
