import type { ByteOrder } from "@ebpf/core";
import { withoutFlavour } from "./co-re/flavour.js";
import { BtfError, type TypePlace } from "./errors.js";
import { type BtfField, flattenFields } from "./fields.js";
import { alignmentOf, pointerSizeOf, sizeOf } from "./layout.js";
import { MAX_DEPTH } from "./limits.js";
import { NameIndex } from "./name-index.js";
import { nameOf } from "./names.js";
import type { StringTable } from "./strings.js";
import { ChangedTypes, TypeList, type TypeSource } from "./type-source.js";
import type { BtfKind, BtfType, BtfTypeOf } from "./types.js";

/** What a set of types is beside its types. */
export interface BtfOptions {
  /** Byte order of the machine the types are of; little by default. */
  readonly order?: ByteOrder;
  /** BTF that this one continues: its ids come first. */
  readonly base?: Btf;
  /** Bytes of a pointer; found from the types by default. */
  readonly pointerSize?: 4 | 8;
  /** The string section that the types were decoded from; `.BTF.ext` refers into it. */
  readonly strings?: StringTable;
}

const VOID: BtfType = { kind: "void" };

/** A set of types. It never changes; ids are indexes into `types`. */
export class Btf {
  readonly order: ByteOrder;
  readonly base: Btf | undefined;
  readonly strings: StringTable | undefined;
  /** Id of the first type that is not the base's. */
  readonly firstId: number;
  /** How many types there are, void and those of the base included: the first id that no type has. */
  readonly typeCount: number;
  readonly #own: TypeSource;
  #types: readonly BtfType[] | undefined;
  #names: NameIndex | undefined;
  #pointerSize: 4 | 8 | undefined;
  readonly #alignments = new Map<number, number>();
  readonly #fields = new Map<number, readonly BtfField[]>();

  /** @param types the types of this BTF alone, without void and without those of the base */
  constructor(types: readonly BtfType[] | TypeSource, options: BtfOptions = {}) {
    this.base = options.base;
    this.order = options.order ?? options.base?.order ?? "little";
    this.strings = options.strings;
    this.#pointerSize = options.pointerSize;
    this.#own = "nameAt" in types ? types : new TypeList([...types]);
    this.firstId = this.base?.typeCount ?? 1;
    this.typeCount = this.firstId + this.#own.count;
  }

  /** Bytes of a pointer: 4 where `long` has 4, else 8. */
  get pointerSize(): 4 | 8 {
    this.#pointerSize ??= pointerSizeOf(this);
    return this.#pointerSize;
  }

  /** All types by id, those of the base included; `types[0]` is void. Whoever needs a few asks for them by `type`. */
  get types(): readonly BtfType[] {
    this.#types ??= Object.freeze([...(this.base?.types ?? [VOID]), ...this.ownTypes()]);
    return this.#types;
  }

  /**
   * A copy with some types changed and more behind them. Only those are made that somebody asks for.
   *
   * @param changes types by id, with the names they had; ids of the base can't change
   */
  changed(changes: ReadonlyMap<number, BtfType>, added: readonly BtfType[] = []): Btf {
    const own = new Map([...changes].map(([id, type]) => [id - this.firstId, type] as const));
    const copy = new Btf(new ChangedTypes(this.#own, own, added), {
      order: this.order,
      ...(this.#pointerSize && { pointerSize: this.#pointerSize }),
      ...(this.base && { base: this.base }),
      ...(this.strings && { strings: this.strings }),
    });
    if (added.length === 0) copy.#names = this.#names;
    return copy;
  }

  /** The types of this BTF alone, in order of their ids. */
  *ownTypes(): Generator<BtfType> {
    for (let i = 0; i < this.#own.count; i++) yield this.#own.at(i);
  }

  /**
   * The type with an id.
   *
   * @throws BtfError `NO_SUCH_TYPE`.
   */
  type(id: number): BtfType {
    if (!(Number.isInteger(id) && id >= 0 && id < this.typeCount)) {
      throw new BtfError("NO_SUCH_TYPE", `there is no type ${id}, of ${this.typeCount}`);
    }
    if (id >= this.firstId) return this.#own.at(id - this.firstId);
    return this.base?.type(id) ?? VOID;
  }

  /** Where a type is, for errors. */
  placeOf(id: number): TypePlace {
    const unknown = { path: `types[${id}]` };
    if (id < this.firstId) return this.base?.placeOf(id) ?? unknown;
    return this.#own.placeAt(id - this.firstId) ?? unknown;
  }

  /** The lowest id of a type with this name, of one kind if given. */
  findByName(name: string, kind?: BtfKind): number | undefined {
    const id = this.base?.findByName(name, kind);
    if (id !== undefined) return id;
    return this.findFlavours(withoutFlavour(name)).find((own) => {
      const type = this.type(own);
      return "name" in type && type.name === name && (kind === undefined || type.kind === kind);
    });
  }

  /**
   * Ids of the types with this name or one of its flavours (`name___flavour`), in order; those of the base are not among
   * them.
   */
  findFlavours(name: string): readonly number[] {
    this.#names ??= new NameIndex(this.#own);
    return this.#names.find(name).map((index) => this.firstId + index);
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
    throw new BtfError("TOO_DEEP", `it leads through more than ${MAX_DEPTH} typedefs and modifiers`, this.placeOf(id));
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
   * Bytes of a value of the type.
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
