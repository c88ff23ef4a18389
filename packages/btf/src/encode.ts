import { assertNever, type ByteOrder, ByteWriter } from "@ebpf/core";
import type { Btf } from "./btf.js";
import { BtfError } from "./errors.js";
import type { BtfComposite, BtfInt, BtfType } from "./types.js";
import {
  BITFIELD_OFFSET_MASK,
  BITFIELD_SIZE_SHIFT,
  BTF_MAGIC,
  BTF_VERSION,
  HEADER_SIZE,
  INT_ENCODINGS,
  KINDS,
  LINKAGES,
  MAX_VLEN,
} from "./wire.js";

/**
 * Encodes types as BTF. For split BTF only the types behind the base are written, with strings of their own.
 *
 * @throws BtfError `UNENCODABLE` for what the format has no room for: more than 65,535 members, a zero byte in a name,
 *   bitfields beyond bit 2^24.
 */
export const encodeBtf = (btf: Btf, order: ByteOrder = btf.order): Uint8Array =>
  encodeBtfWithStrings(btf, [], order).bytes;

/** BTF, and where in its string section the strings stand that were put there for others. */
export interface BtfWithStrings {
  readonly bytes: Uint8Array;
  readonly offsets: ReadonlyMap<string, number>;
}

/**
 * Encodes types as `encodeBtf` does, with further strings in the string section: file names and source lines, which line
 * info refers to.
 *
 * @throws BtfError `UNENCODABLE` as `encodeBtf`.
 */
export const encodeBtfWithStrings = (
  btf: Btf,
  texts: Iterable<string>,
  order: ByteOrder = btf.order,
): BtfWithStrings => {
  const { types, strings } = writeTypes(btf, order);
  const offsets = new Map<string, number>();
  for (const text of texts) offsets.set(text, strings.add(text));

  const text = strings.finish();
  const bytes = new ByteWriter(order, HEADER_SIZE + types.length + text.length)
    .u16(BTF_MAGIC)
    .u8(BTF_VERSION)
    .u8(0)
    .u32(HEADER_SIZE)
    .u32(0)
    .u32(types.length)
    .u32(types.length)
    .u32(text.length)
    .raw(types.finish())
    .raw(text)
    .finish();
  return { bytes, offsets };
};

/** Writes a BTF's own types, with strings that continue those of its base. */
const writeTypes = (btf: Btf, order: ByteOrder): { readonly types: ByteWriter; readonly strings: StringWriter } => {
  const strings = new StringWriter(stringsEnd(btf.base, order), order);
  const types = new ByteWriter(order);
  for (const type of btf.ownTypes()) writeType(types, strings, type);
  return { types, strings };
};

/** Where the strings of a base end: in the bytes that it was decoded from, or else in those that it would be encoded as. */
const stringsEnd = (base: Btf | undefined, order: ByteOrder): number =>
  base === undefined ? 0 : (base.strings?.end ?? writeTypes(base, order).strings.end);

/** Collects strings, each once. The empty one is at offset 0, which split BTF has in its base. */
class StringWriter {
  readonly #start: number;
  readonly #writer: ByteWriter;
  readonly #offsets = new Map<string, number>([["", 0]]);
  readonly #encoder = new TextEncoder();

  constructor(start: number, order: ByteOrder) {
    this.#start = start;
    this.#writer = new ByteWriter(order);
    if (start === 0) this.#writer.u8(0);
  }

  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    if (text.includes("\0")) throw new BtfError("UNENCODABLE", `name ${JSON.stringify(text)} holds a zero byte`);
    const offset = this.#start + this.#writer.length;
    this.#writer.raw(this.#encoder.encode(text)).u8(0);
    this.#offsets.set(text, offset);
    return offset;
  }

  /** Offset behind the last string. */
  get end(): number {
    return this.#start + this.#writer.length;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

const writeType = (to: ByteWriter, strings: StringWriter, type: BtfType): void => {
  const head = (word: number, count = 0, flag = false): ByteWriter => {
    if (count > MAX_VLEN) throw new BtfError("UNENCODABLE", `${type.kind} with ${count} parts; ${MAX_VLEN} at most`);
    const name = "name" in type ? strings.add(type.name) : 0;
    return to
      .u32(name)
      .u32(info(type, count, flag))
      .u32(word);
  };
  switch (type.kind) {
    case "void":
      throw new BtfError("UNENCODABLE", "void is type 0 and stands nowhere else");
    case "int":
      head(type.size).u32(intWord(type));
      return;
    case "ptr":
    case "typedef":
    case "volatile":
    case "const":
    case "restrict":
      head(type.type);
      return;
    case "array":
      head(0).u32(type.elementType).u32(type.indexType).u32(type.length);
      return;
    case "struct":
    case "union":
      writeComposite(head, strings, type);
      return;
    case "enum":
      head(type.size, type.values.length, type.signed);
      for (const { name, value } of type.values) to.u32(strings.add(name)).u32(value);
      return;
    case "enum64":
      head(type.size, type.values.length, type.signed);
      for (const { name, value } of type.values) {
        to.u32(strings.add(name))
          .u32(Number(BigInt.asUintN(32, value)))
          .u32(Number(BigInt.asUintN(32, value >> 32n)));
      }
      return;
    case "fwd":
      head(0, 0, type.target === "union");
      return;
    case "func":
      head(type.type, LINKAGES.indexOf(type.linkage));
      return;
    case "func_proto":
      head(type.returnType, type.parameters.length);
      for (const parameter of type.parameters) to.u32(strings.add(parameter.name)).u32(parameter.type);
      return;
    case "var":
      head(type.type).u32(LINKAGES.indexOf(type.linkage));
      return;
    case "datasec":
      head(type.size, type.variables.length);
      for (const variable of type.variables) to.u32(variable.type).u32(variable.offset).u32(variable.size);
      return;
    case "float":
      head(type.size);
      return;
    case "decl_tag":
      head(type.type, 0, type.attribute).u32(type.component);
      return;
    case "type_tag":
      head(type.type, 0, type.attribute);
      return;
    default:
      assertNever(type);
  }
};

const info = (type: BtfType, count: number, flag: boolean): number =>
  ((flag ? 0x8000_0000 : 0) | (KINDS.indexOf(type.kind) << 24) | count) >>> 0;

const intWord = ({ encoding, bitOffset, bits }: BtfInt): number => {
  const bit = INT_ENCODINGS.find(([name]) => name === encoding)?.[1] ?? 0;
  return (bit << 24) | (bitOffset << 16) | bits;
};

type WriteHead = (word: number, count: number, flag: boolean) => ByteWriter;

/** With a bitfield among the members, every offset word holds a size above the offset. */
const writeComposite = (head: WriteHead, strings: StringWriter, type: BtfComposite): void => {
  const bitfields = type.members.some(({ bitSize }) => bitSize > 0);
  const to = head(type.size, type.members.length, bitfields);
  for (const { name, type: id, bitOffset, bitSize } of type.members) {
    if (bitfields && (bitOffset > BITFIELD_OFFSET_MASK || bitSize > 0xff)) {
      throw new BtfError("UNENCODABLE", `bitfield ${name} of ${bitSize} bits at bit ${bitOffset} does not fit`);
    }
    to.u32(strings.add(name))
      .u32(id)
      .u32((bitSize << BITFIELD_SIZE_SHIFT) | bitOffset);
  }
};
