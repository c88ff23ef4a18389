import type { Btf, BtfMember, BtfTypeOf } from "@ebpf/btf";
import { type ByteOrder, ByteWriter } from "@ebpf/core";
import type { MapEntry, MapSpec } from "@ebpf/platform";
import { type ElfFile, type ElfRelocation, type ElfSection, relocationsOf } from "../elf-file.js";
import { ElfError, type ElfErrorDetails } from "../errors.js";
import { lowerBound } from "../lower-bound.js";
import { mapTypeOf } from "./legacy.js";
import type { ObjectMap } from "./table.js";

/*
 * Maps that are described by types: each variable in the section `.maps` is of a structure whose members say what the
 * map is. A number is the length of an array (`int (*max_entries)[64]`) or the value of an enumeration; a type is what
 * a pointer points to (`struct key *key`). Nothing of it is in memory but `values`, an array of pointers.
 */

/**
 * The maps of a `.maps` section.
 *
 * @throws ElfError `BAD_MAP`; BtfError for types that can't be.
 */
export const readBtfMaps = (file: ElfFile, section: ElfSection, btf: Btf | undefined): ObjectMap[] => {
  const id = btf?.findByName(section.name, "datasec");
  const datasec = id === undefined ? undefined : btf?.type(id);
  if (btf === undefined || datasec?.kind !== "datasec") {
    throw new ElfError("BAD_MAP", "there are maps, but no BTF that describes them", section.content);
  }
  const relocations = relocationsOf(file, section).sort((a, b) => a.offset - b.offset);
  let end = 0;
  return datasec.variables.map(({ type, offset, size }) => {
    const variable = btf.type(type);
    const { path, base } = section.content;
    if (variable.kind !== "var") throw new ElfError("BAD_MAP", `a ${variable.kind} is no map`, section.content);
    const place = { path: `${path}/${variable.name}`, offset: base + offset };
    if (offset < end) throw new ElfError("BAD_MAP", "it overlaps the map before", place);
    end = offset + size;
    const definition = readDefinition({ btf, map: variable.name, place, isInner: false }, variable.type);
    const first = lowerBound(relocations, (relocation) => relocation.offset >= offset);
    const values = relocations.slice(
      first,
      lowerBound(relocations, (relocation) => relocation.offset >= end),
    );
    const initial = initialValues(definition, values, offset, file);
    return { spec: toSpec(definition, initial), section: section.index, offset, isData: false };
  });
};

/**
 * The map of this name that types describe, without initial values; `undefined` when they describe none.
 *
 * @throws ElfError `BAD_MAP`; BtfError for types that can't be.
 */
export const readMapDefinition = (btf: Btf, name: string): MapSpec | undefined => {
  const id = btf.findByName(".maps", "datasec");
  const section = id === undefined ? undefined : btf.type(id);
  if (section?.kind !== "datasec") return undefined;
  for (const { type } of section.variables) {
    const variable = btf.type(type);
    if (variable.kind !== "var" || variable.name !== name) continue;
    return toSpec(
      readDefinition({ btf, map: name, place: { path: `.maps/${name}` }, isInner: false }, variable.type),
      [],
    );
  }
  return undefined;
};

interface Scope {
  readonly btf: Btf;
  readonly map: string;
  readonly place: ElfErrorDetails;
  /** Whether this is the description of another map's values. */
  readonly isInner: boolean;
}

/** What the members said. */
interface Definition {
  readonly scope: Scope;
  readonly numbers: ReadonlyMap<NumberName, bigint>;
  readonly keyType?: number;
  readonly valueType?: number;
  readonly inner?: MapSpec;
  /** Bytes from the variable's start to `values`. */
  readonly valuesOffset?: number;
}

const NUMBERS = [
  "type",
  "max_entries",
  "map_flags",
  "map_extra",
  "numa_node",
  "key_size",
  "value_size",
  "pinning",
] as const;

/** What libbpf's numbers for pinning mean. */
const PINNING = ["none", "name"] as const;

type NumberName = (typeof NUMBERS)[number];

const isNumber = (name: string): name is NumberName => (NUMBERS as readonly string[]).includes(name);

const bad = ({ place }: Scope, problem: string): ElfError => new ElfError("BAD_MAP", problem, place);

const readDefinition = (scope: Scope, typeId: number): Definition => {
  const type = scope.btf.resolveAs(typeId, "struct");
  if (type === undefined) throw bad(scope, `it is of type ${scope.btf.typeName(typeId)}, not a structure`);
  const numbers = new Map<NumberName, bigint>();
  let definition: Definition = { scope, numbers };
  for (const member of type.members) {
    if (isNumber(member.name)) numbers.set(member.name, readNumber(scope, member));
    else definition = { ...definition, ...readTypeMember(scope, member) };
  }
  return definition;
};

const readNumber = (scope: Scope, member: BtfMember): bigint => {
  const { btf } = scope;
  const type = btf.resolvedType(member.type);
  if (type.kind === "ptr") {
    const array = btf.resolveAs(type.type, "array");
    if (array !== undefined) return BigInt(array.length);
  }
  if (type.kind === "enum" || type.kind === "enum64") {
    const value = type.values[0]?.value;
    if (value !== undefined) return BigInt.asUintN(64, BigInt(value));
  }
  throw bad(scope, `member ${member.name} holds no number`);
};

const readTypeMember = (scope: Scope, member: BtfMember): Partial<Definition> => {
  switch (member.name) {
    case "key":
      return { keyType: pointedTo(scope, member.type, member.name) };
    case "value":
      return { valueType: pointedTo(scope, member.type, member.name) };
    case "values":
      return readValues(scope, member);
    default:
      throw bad(scope, `member ${JSON.stringify(member.name)} is not known`);
  }
};

const pointedTo = ({ btf, ...scope }: Scope, typeId: number, member: string): number => {
  const pointer = btf.resolveAs(typeId, "ptr");
  if (pointer === undefined) throw bad({ btf, ...scope }, `member ${member} is no pointer`);
  return pointer.type;
};

/** `values` is an array of pointers to a map's description, or to programs. */
const readValues = (scope: Scope, member: BtfMember): Partial<Definition> => {
  const { btf, map } = scope;
  if (scope.isInner) throw bad(scope, "maps nest only once");
  const array: BtfTypeOf<"array"> | undefined = btf.resolveAs(member.type, "array");
  if (array === undefined) throw bad(scope, "member values is no array");
  const element = pointedTo(scope, array.elementType, "values");
  const valuesOffset = member.bitOffset / 8;
  if (btf.resolvedType(element).kind === "func_proto") return { valuesOffset };
  const inner = readDefinition({ ...scope, map: `${map}.inner`, isInner: true }, element);
  return { valuesOffset, inner: toSpec(inner, []) };
};

/** Bytes of a key or value: given as a number, or by its type. */
const sizeOf = (
  { scope, numbers }: Definition,
  name: "key_size" | "value_size",
  typeId: number | undefined,
): number => {
  const given = numbers.get(name);
  const size = typeId === undefined ? undefined : scope.btf.sizeOf(typeId);
  if (given !== undefined && size !== undefined && BigInt(size) !== given) {
    throw bad(scope, `${name} is ${given}, but the type has ${size} bytes`);
  }
  return size ?? Number(given ?? 0n);
};

/** Bytes of a value that is a map or a program. */
const HANDLE_SIZE = 4;

const toSpec = (definition: Definition, initial: readonly MapEntry[]): MapSpec => {
  const { scope, numbers, keyType, valueType, inner, valuesOffset } = definition;
  const type = numbers.get("type");
  if (type === undefined) throw bad(scope, "it has no type");
  const extra = numbers.get("map_extra");
  const numaNode = numbers.get("numa_node");
  const pinning = numbers.get("pinning");
  const valueSize = sizeOf(definition, "value_size", valueType);
  const typeName = mapTypeOf(Number(type), scope.place);
  const maxEntries = Number(numbers.get("max_entries") ?? 0n);
  return {
    name: scope.map,
    type: typeName,
    keySize: sizeOf(definition, "key_size", keyType),
    valueSize: valuesOffset === undefined ? valueSize : HANDLE_SIZE,
    maxEntries: typeName === "ringbuf" || typeName === "user_ringbuf" ? ringSize(maxEntries) : maxEntries,
    flags: Number(numbers.get("map_flags") ?? 0n),
    ...(extra === undefined ? {} : { extra }),
    ...(numaNode === undefined ? {} : { numaNode: Number(numaNode) }),
    ...(pinning === undefined ? {} : { pinning: PINNING[Number(pinning)] ?? Number(pinning) }),
    ...(keyType === undefined && valueType === undefined ? {} : { btf: typesOf(definition) }),
    ...(inner === undefined ? {} : { inner }),
    ...(initial.length === 0 ? {} : { initial }),
  };
};

/** Bytes of a page of the machines that BPF runs on. */
const PAGE_SIZE = 4096;

/** Rings have a power of two of pages. What was asked for is made larger; beyond 32 bits it is left to the kernel. */
const ringSize = (asked: number): number => {
  if (asked === 0) return 0;
  for (let size = PAGE_SIZE; size <= 0xffff_ffff; size *= 2) if (size >= asked) return size;
  return asked;
};

const typesOf = ({ scope: { btf }, keyType, valueType }: Definition): NonNullable<MapSpec["btf"]> => ({
  btf,
  ...(keyType === undefined ? {} : { keyTypeId: keyType }),
  ...(valueType === undefined ? {} : { valueTypeId: valueType }),
});

const POINTER_SIZE = 8;

/** The elements of `values` that are set: each is a relocation against a map or a function. */
const initialValues = (
  { scope, valuesOffset }: Definition,
  relocations: readonly ElfRelocation[],
  variableOffset: number,
  file: ElfFile,
): MapEntry[] =>
  relocations.map(({ offset, symbol }) => {
    const index = (offset - variableOffset - (valuesOffset ?? Number.NaN)) / POINTER_SIZE;
    if (!Number.isInteger(index) || index < 0) throw bad(scope, `relocation at ${offset} is for no element of values`);
    if (symbol.section === 0) throw new ElfError("UNDEFINED_SYMBOL", `${symbol.name} is not defined`, scope.place);
    return { key: u32(index, file.order), value: { reference: symbol.name } };
  });

const u32 = (value: number, order: ByteOrder): Uint8Array => new ByteWriter(order).u32(value).finish();
