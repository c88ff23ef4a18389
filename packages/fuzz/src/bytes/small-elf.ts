import { ByteWriter } from "@ebpf/core";

/** A section: what its header says, and its content. */
interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly link?: number;
  readonly info?: number;
  readonly entrySize?: number;
  readonly content: Uint8Array;
}

const text = new TextEncoder();

/** Section types and flags of the ELF specification. */
const SHT = { progbits: 1, symtab: 2, strtab: 3, rel: 9 } as const;
const SHF = { write: 1, alloc: 2, executable: 4 } as const;

const FILE_HEADER = 64;
const SECTION_HEADER = 64;
const BPF_MACHINE = 247;
const R_BPF_64_64 = 1n;

/** The text's place in a string table. */
const placeIn = (table: string, name: string): number => Math.max(0, table.indexOf(`\0${name}\0`) + 1);

const symbol = (
  writer: ByteWriter,
  fields: readonly [name: number, info: number, section: number, size: number],
): void => {
  const [name, info, section, size] = fields;
  writer.u32(name).u8(info).u8(0).u16(section).u64(0n).u64(BigInt(size));
};

const sectionsOf = (btf: Uint8Array): readonly Section[] => {
  const names = "\0xdp\0license\0maps\0.BTF\0.symtab\0.strtab\0.relxdp\0prog\0table\0";
  const symbols = new ByteWriter("little");
  symbol(symbols, [0, 0, 0, 0]);
  symbol(symbols, [placeIn(names, "prog"), 0x12, 1, 32]);
  symbol(symbols, [placeIn(names, "table"), 0x11, 3, 20]);
  // r1 = the map, r0 = 2, exit; and one array of eight bytes with four entries.
  const code = Uint8Array.from([0x18, 1, ...Array(14).fill(0), 0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, ...Array(7).fill(0)]);
  const map = new ByteWriter("little").u32(2).u32(4).u32(8).u32(4).u32(0).finish();
  const relocation = new ByteWriter("little")
    .u64(0n)
    .u64((2n << 32n) | R_BPF_64_64)
    .finish();
  return [
    { name: "xdp", type: SHT.progbits, flags: SHF.alloc | SHF.executable, content: code },
    { name: "license", type: SHT.progbits, flags: SHF.alloc | SHF.write, content: text.encode("GPL\0") },
    { name: "maps", type: SHT.progbits, flags: SHF.alloc | SHF.write, content: map },
    { name: ".BTF", type: SHT.progbits, flags: 0, content: btf },
    { name: ".symtab", type: SHT.symtab, flags: 0, link: 6, info: 1, entrySize: 24, content: symbols.finish() },
    { name: ".strtab", type: SHT.strtab, flags: 0, content: text.encode(names) },
    { name: ".relxdp", type: SHT.rel, flags: 0, link: 5, info: 1, entrySize: 16, content: relocation },
  ];
};

/** A small object file: an XDP program that refers to a map, with types. */
export const smallElf = (btf: Uint8Array): Uint8Array => {
  const sections = sectionsOf(btf);
  const names = new TextDecoder().decode(sections.find(({ type }) => type === SHT.strtab)!.content);
  const body = new ByteWriter("little");
  const headers = new ByteWriter("little").raw(new Uint8Array(SECTION_HEADER));
  for (const { name, type, flags, link = 0, info = 0, entrySize = 0, content } of sections) {
    headers
      .u32(placeIn(names, name))
      .u32(type)
      .u64(BigInt(flags))
      .u64(0n)
      .u64(BigInt(FILE_HEADER + body.length));
    headers.u64(BigInt(content.length)).u32(link).u32(info).u64(8n).u64(BigInt(entrySize));
    body.raw(content).align(8);
  }
  const file = new ByteWriter("little").raw(Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])).u64(0n);
  file
    .u16(1)
    .u16(BPF_MACHINE)
    .u32(1)
    .u64(0n)
    .u64(0n)
    .u64(BigInt(FILE_HEADER + body.length))
    .u32(0);
  file
    .u16(FILE_HEADER)
    .u16(0)
    .u16(0)
    .u16(SECTION_HEADER)
    .u16(sections.length + 1)
    .u16(6);
  return file.raw(body.finish()).raw(headers.finish()).finish();
};
