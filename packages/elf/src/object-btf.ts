import { Btf, type BtfExt, type BtfSectionVariable, type BtfType, decodeBtf, decodeBtfExt } from "@ebpf/btf";
import type { ElfFile } from "./elf-file.js";

/** The types of an object, and what they say of its code. */
export interface ObjectBtf {
  readonly btf: Btf | undefined;
  readonly ext: BtfExt | undefined;
}

/**
 * Decodes `.BTF` and `.BTF.ext`, and fills in what the compiler left open: sizes of data sections, and offsets of
 * variables in them.
 *
 * @throws MalformedError when a section isn't what its name says.
 */
export const readObjectBtf = (file: ElfFile): ObjectBtf => {
  const content = (wanted: string) => file.sections.find(({ name, size }) => name === wanted && size > 0)?.content;
  const types = content(".BTF");
  if (types === undefined) return { btf: undefined, ext: undefined };
  const decoded = decodeBtf(types.bytes, { order: file.order, path: types.path, offset: types.base });
  const layout = layoutOf(file);
  const btf = new Btf(
    decoded.types.slice(decoded.firstId).map((type) => completed(decoded, type, layout)),
    { order: file.order, ...(decoded.strings === undefined ? {} : { strings: decoded.strings }) },
  );
  const ext = content(".BTF.ext");
  if (ext === undefined) return { btf, ext: undefined };
  return { btf, ext: decodeBtfExt(ext.bytes, btf, { order: file.order, path: ext.path, offset: ext.base }) };
};

/** What the file says that its BTF leaves open, by name. */
interface Layout {
  readonly sizes: ReadonlyMap<string, number>;
  readonly offsets: ReadonlyMap<string, number>;
}

const layoutOf = ({ sections, symbols }: ElfFile): Layout => {
  const global = symbols.filter(({ binding, section }) => binding !== "local" && section !== 0);
  return {
    sizes: new Map(sections.map(({ name, size }) => [name, size])),
    offsets: new Map(global.map(({ name, value }) => [name, value])),
  };
};

/**
 * A static variable's offset is right as it stands. That of a global one is 0, with a relocation whose type LLVM changed
 * over time; its symbol says the same in all versions.
 */
const completed = (btf: Btf, type: BtfType, { sizes, offsets }: Layout): BtfType => {
  if (type.kind !== "datasec") return type;
  const variables = type.variables.map((entry): BtfSectionVariable => {
    const variable = btf.type(entry.type);
    const isGlobal = variable.kind === "var" && variable.linkage === "global";
    return isGlobal ? { ...entry, offset: offsets.get(variable.name) ?? entry.offset } : entry;
  });
  return {
    ...type,
    size: type.size || (sizes.get(type.name) ?? 0),
    variables: variables.sort((a, b) => a.offset - b.offset),
  };
};
