import type { ByteOrder } from "@ebpf/core";
import { withoutFlavour } from "./co-re/flavour.js";
import { BtfError } from "./errors.js";
import { type BtfField, flattenFields } from "./fields.js";
import { alignmentOf, sizeOf } from "./layout.js";
import { MAX_DEPTH } from "./limits.js";
import { nameOf } from "./names.js";
import type { StringTable } from "./strings.js";
import type { BtfKind, BtfType, BtfTypeOf } from "./types.js";

/** What a set of types is beside its types. */
export interface BtfOptions {
  /** Byte order of the machine the types are of; little by default. */
  readonly order?: ByteOrder;
  /** BTF that this one continues: its ids come first. */
  readonly base?: Btf;
  /** The string section that the types were decoded from; `.BTF.ext` refers into it. */
  readonly strings?: StringTable;
}

const VOID: BtfType = { kind: "void" };

/** A set of types. It never changes; ids are indexes into `types`. */
export class Btf {
  /** All types by id, those of the base included; `types[0]` is void. */
  readonly types: readonly BtfType[];
  readonly order: ByteOrder;
  readonly base: Btf | undefined;
  readonly strings: StringTable | undefined;
  #idsByName: Map<string, number[]> | undefined;
  readonly #alignments = new Map<number, number>();
  readonly #fields = new Map<number, readonly BtfField[]>();

  /** @param types the types of this BTF alone, without void and without those of the base */
  constructor(types: readonly BtfType[], options: BtfOptions = {}) {
    this.base = options.base;
    this.order = options.order ?? options.base?.order ?? "little";
    this.strings = options.strings;
    this.types = Object.freeze([...(options.base?.types ?? [VOID]), ...types]);
  }

  /** Id of the first type that is not the base's. */
  get firstId(): number {
    return this.base?.types.length ?? 1;
  }

  /**
   * The type with an id.
   *
   * @throws BtfError `NO_SUCH_TYPE`.
   */
  type(id: number): BtfType {
    const type = this.types[id];
    if (type === undefined) throw new BtfError("NO_SUCH_TYPE", `there is no type ${id}, of ${this.types.length}`);
    return type;
  }

  /** The lowest id of a type with this name, of one kind if given. */
  findByName(name: string, kind?: BtfKind): number | undefined {
    const id = this.base?.findByName(name, kind);
    if (id !== undefined) return id;
    return this.findFlavours(withoutFlavour(name)).find((own) => {
      const type = this.types[own]!;
      return "name" in type && type.name === name && (kind === undefined || type.kind === kind);
    });
  }

  /**
   * Ids of the types with this name or one of its flavours (`name___flavour`), in order; those of the base are not among
   * them.
   */
  findFlavours(name: string): readonly number[] {
    this.#idsByName ??= this.#indexNames();
    return this.#idsByName.get(name) ?? [];
  }

  #indexNames(): Map<string, number[]> {
    const index = new Map<string, number[]>();
    for (let id = this.firstId; id < this.types.length; id++) {
      const type = this.types[id]!;
      if (!("name" in type) || type.name === "") continue;
      const name = withoutFlavour(type.name);
      const ids = index.get(name);
      if (ids === undefined) index.set(name, [id]);
      else ids.push(id);
    }
    return index;
  }

  /**
   * The id behind typedefs, `const`, `volatile`, `restrict` and type tags.
   *
   * @throws BtfError `NO_SUCH_TYPE`; `TOO_DEEP` for a chain of more than 32, or a circle.
   */
  resolve(id: number): number {
    let current = id;
    for (let depth = 0; depth <= MAX_DEPTH; depth++) {
      const type = this.type(current);
      switch (type.kind) {
        case "typedef":
        case "volatile":
        case "const":
        case "restrict":
        case "type_tag":
          current = type.type;
          break;
        default:
          return current;
      }
    }
    throw new BtfError("TOO_DEEP", `type ${id} leads through more than ${MAX_DEPTH} typedefs and modifiers`);
  }

  /** The type behind typedefs and modifiers; throws as `resolve` does. */
  resolvedType(id: number): BtfType {
    return this.type(this.resolve(id));
  }

  /** The type behind typedefs and modifiers when it is of that kind. */
  resolveAs<K extends BtfKind>(id: number, kind: K): BtfTypeOf<K> | undefined {
    const type = this.resolvedType(id);
    return type.kind === kind ? (type as BtfTypeOf<K>) : undefined;
  }

  /**
   * Bytes of a value of the type. Pointers have 8.
   *
   * @throws BtfError `INCOMPLETE_TYPE` for void, declarations and functions; `TOO_DEEP`; `LIMIT` beyond 2^53.
   */
  sizeOf(id: number): number {
    return sizeOf(this, id);
  }

  /**
   * Bytes that the address of a value of the type is a multiple of; 1 for structures whose layout shows that they are
   * packed.
   *
   * @throws BtfError as `sizeOf`.
   */
  alignOf(id: number): number {
    return alignmentOf(this, id, this.#alignments);
  }

  /** The type's name as in C: `struct event`, `__u32`, `const char *`, `int (*)(void *)`, `__u8[16]`. */
  typeName(id: number): string {
    return nameOf(this, id);
  }

  /**
   * The named fields of a structure, union or data section, with those of anonymous members among them.
   *
   * @param id a type that resolves to one of these
   * @throws BtfError `INCOMPLETE_TYPE` for any other type; `TOO_DEEP`, `LIMIT` for absurd ones.
   */
  fields(id: number): readonly BtfField[] {
    const resolved = this.resolve(id);
    const known = this.#fields.get(resolved);
    if (known !== undefined) return known;
    const fields = flattenFields(this, resolved);
    this.#fields.set(resolved, fields);
    return fields;
  }
}
