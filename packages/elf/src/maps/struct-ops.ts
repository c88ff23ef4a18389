import { type Btf, type BtfMember, type BtfTypeOf, withoutFlavour } from "@ebpf/btf";
import type { ByteReader } from "@ebpf/core";
import { MAP_FLAGS, type MapSpec, type StructOps } from "@ebpf/platform";
import { type ElfFile, type ElfRelocation, type ElfSection, relocationsOf } from "../elf-file.js";
import { ElfError } from "../errors.js";
import type { ObjectMap } from "./table.js";

/*
 * Each variable of a section `.struct_ops` is a structure of the kernel, such as a `tcp_congestion_ops`, whose members
 * that are pointers to functions are programs of the object. In `.struct_ops.link` it is attached by a link of its own.
 */

const SECTION = /^\??\.struct_ops(\.link)?$/;
/** What the kernel calls the structure that it keeps such a one in. */
const VALUE_PREFIX = "bpf_struct_ops_";

/**
 * The maps of a section of structures; none of any other section.
 *
 * @param kernel the kernel's types
 * @throws ElfError `BAD_MAP`.
 */
export const readStructOps = (
  file: ElfFile,
  section: ElfSection,
  btf: Btf | undefined,
  kernel: Btf | undefined,
): ObjectMap[] => {
  const match = SECTION.exec(section.name);
  if (match === null) return [];
  const id = btf?.findByName(section.name, "datasec");
  const datasec = id === undefined ? undefined : btf?.type(id);
  if (btf === undefined || datasec?.kind !== "datasec") {
    throw new ElfError("BAD_MAP", "there is no BTF that describes what is in it", section.content);
  }
  const relocations = relocationsOf(file, section);
  return datasec.variables.map((entry) => {
    const variable = btf.type(entry.type);
    const typeId = variable.kind === "var" ? btf.resolve(variable.type) : 0;
    const type = btf.type(typeId);
    if (variable.kind !== "var" || type.kind !== "struct" || type.name === "") {
      throw new ElfError("BAD_MAP", `${btf.typeName(entry.type)} is no structure of functions`, section.content);
    }
    const place = { btf, type, content: section.content, offset: entry.offset, relocations };
    const content = section.content.slice(entry.offset, type.size, variable.name).bytes.slice();
    const spec: MapSpec = {
      name: variable.name,
      type: "struct_ops",
      keySize: 4,
      valueSize: type.size,
      maxEntries: 1,
      flags: match[1] === undefined ? 0 : MAP_FLAGS.link,
      initial: [{ key: new Uint8Array(4), value: content }],
      btf: { btf, valueTypeId: typeId },
      structOps: {
        struct: withoutFlavour(type.name),
        typeId,
        programs: programsOf(place, variable.name),
        ...kernelTypes(withoutFlavour(type.name), kernel),
      },
    };
    return { spec, section: section.index, offset: entry.offset, isData: false };
  });
};

/** Where a structure of functions lies. */
interface Place {
  readonly btf: Btf;
  readonly type: BtfTypeOf<"struct">;
  /** The section. */
  readonly content: ByteReader;
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly relocations: readonly ElfRelocation[];
}

const programsOf = ({ btf, type, content, offset, relocations }: Place, map: string): ReadonlyMap<string, string> => {
  const members = new Map(type.members.map((member) => [offset + member.bitOffset / 8, member]));
  const programs = new Map<string, string>();
  for (const relocation of relocations) {
    if (relocation.offset < offset || relocation.offset >= offset + type.size) continue;
    const member = members.get(relocation.offset);
    if (member === undefined || !isFunction(btf, member)) {
      throw new ElfError("BAD_MAP", `map ${map}: ${relocation.symbol.name} stands where no function goes`, {
        path: content.path,
        offset: content.base + relocation.offset,
      });
    }
    programs.set(member.name, relocation.symbol.name);
  }
  return programs;
};

const isFunction = (btf: Btf, { type }: BtfMember): boolean => {
  const pointer = btf.resolveAs(type, "ptr");
  return pointer !== undefined && btf.resolveAs(pointer.type, "func_proto") !== undefined;
};

const kernelTypes = (struct: string, kernel: Btf | undefined): Pick<StructOps, "kernel"> => {
  const typeId = kernel?.findByName(struct, "struct");
  const valueTypeId = kernel?.findByName(`${VALUE_PREFIX}${struct}`, "struct");
  const value = valueTypeId === undefined ? undefined : kernel?.type(valueTypeId);
  if (typeId === undefined || valueTypeId === undefined || value?.kind !== "struct") return {};
  const data = value.members.find(({ type }) => type === typeId);
  if (data === undefined) return {};
  return { kernel: { typeId, valueTypeId, valueSize: value.size, dataOffset: data.bitOffset / 8 } };
};
