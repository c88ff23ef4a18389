import { Btf, type BtfOptions } from "./btf.js";
import { layOut, type MemberSpecs } from "./c-layout.js";
import { BtfError } from "./errors.js";
import { forEachReference } from "./references.js";
import { TypeList } from "./type-source.js";
import type { BtfType, FuncLinkage, IntEncoding, VarLinkage } from "./types.js";

/** How an enumeration is stored. */
export interface EnumOptions {
  /** Bytes: 4 by default, or 8 when a value needs them. */
  readonly size?: 1 | 2 | 4 | 8;
}

/**
 * Collects types into a `Btf`. Ids are given in order, so a type may refer to one that is added later. Types without a
 * body of their own (integers, pointers, arrays, qualifiers …) are added once, however often they are asked for.
 *
 * @example
 * ```ts
 * const types = new BtfBuilder();
 * const u32 = types.int("unsigned int", 4);
 * const event = types.struct("event", { pid: u32, comm: types.array(types.int("char", 1, "signed"), 16) });
 * const btf = types.build();
 * btf.sizeOf(event); // 20
 * ```
 */
export class BtfBuilder {
  readonly #options: BtfOptions;
  readonly #types: BtfType[] = [];
  readonly #plain = new Map<string, number>();

  constructor(options: BtfOptions = {}) {
    this.#options = options;
  }

  /** The id that the next type gets. */
  get nextId(): number {
    return (this.#options.base?.typeCount ?? 1) + this.#types.length;
  }

  /** Adds a type and returns its id. */
  add(type: BtfType): number {
    const id = this.nextId;
    this.#types.push(type);
    return id;
  }

  /** Adds a type unless an equal one was added this way before; its JSON tells types apart. */
  #addOnce(type: BtfType): number {
    const key = JSON.stringify(type);
    const known = this.#plain.get(key);
    if (known !== undefined) return known;
    const id = this.add(type);
    this.#plain.set(key, id);
    return id;
  }

  /** An integer of `size` bytes; unsigned by default. */
  int(name: string, size: number, encoding: IntEncoding = "none"): number {
    return this.#addOnce({ kind: "int", name, size, encoding, bits: 8 * size, bitOffset: 0 });
  }

  /** A floating-point number of `size` bytes. */
  float(name: string, size: number): number {
    return this.#addOnce({ kind: "float", name, size });
  }

  /** A pointer; to void by default. */
  pointer(to = 0): number {
    return this.#addOnce({ kind: "ptr", type: to });
  }

  /** An array of `length` elements. */
  array(elementType: number, length: number): number {
    return this.#addOnce({ kind: "array", elementType, indexType: this.int("__ARRAY_SIZE_TYPE__", 4), length });
  }

  /** A type with a qualifier. */
  qualified(kind: "const" | "volatile" | "restrict", of: number): number {
    return this.#addOnce({ kind, type: of });
  }

  /** A type with a tag, which goes before the pointer to it. */
  typeTag(tag: string, of: number): number {
    return this.#addOnce({ kind: "type_tag", name: tag, type: of, attribute: false });
  }

  /** Another name for a type. */
  typedef(name: string, of: number): number {
    return this.#addOnce({ kind: "typedef", name, type: of });
  }

  /** A structure or union that is only declared. */
  forward(target: "struct" | "union", name: string): number {
    return this.#addOnce({ kind: "fwd", name, target });
  }

  /**
   * A structure laid out as in C; add one with a layout of its own by `add`.
   *
   * @throws BtfError `INCOMPLETE_TYPE`, `UNENCODABLE`, `NO_SUCH_TYPE`: members by value have to be added before.
   */
  struct(name: string, members: MemberSpecs): number {
    return this.add(layOut(this.#soFar(), "struct", name, members));
  }

  /** A union; throws as `struct` does. */
  union(name: string, members: MemberSpecs): number {
    return this.add(layOut(this.#soFar(), "union", name, members));
  }

  /** An enumeration; one with a value beyond 32 bits becomes an `enum64`. */
  enum(name: string, values: Readonly<Record<string, number | bigint>>, options: EnumOptions = {}): number {
    const list = Object.entries(values).map(([valueName, value]) => ({ name: valueName, value: BigInt(value) }));
    const signed = list.some(({ value }) => value < 0n);
    const isWide = list.some(({ value }) => (signed ? BigInt.asIntN(32, value) : BigInt.asUintN(32, value)) !== value);
    const size = options.size ?? (isWide ? 8 : 4);
    if (isWide || size === 8) return this.add({ kind: "enum64", name, size, signed, values: list });
    const narrow = list.map((value) => ({ name: value.name, value: Number(value.value) }));
    return this.add({ kind: "enum", name, size, signed, values: narrow });
  }

  /** A function's result and parameters, by name. */
  signature(returnType: number, parameters: Readonly<Record<string, number>> = {}): number {
    const list = Object.entries(parameters).map(([name, type]) => ({ name, type }));
    return this.add({ kind: "func_proto", returnType, parameters: list });
  }

  /** A function of a signature. */
  func(name: string, signature: number, linkage: FuncLinkage = "global"): number {
    return this.add({ kind: "func", name, type: signature, linkage });
  }

  /** A variable. */
  variable(name: string, type: number, linkage: VarLinkage = "global"): number {
    return this.add({ kind: "var", name, type, linkage });
  }

  /**
   * A data section of variables, one behind the other as they are aligned.
   *
   * @throws BtfError `INCOMPLETE_TYPE`, `NO_SUCH_TYPE`.
   */
  section(name: string, variables: readonly number[]): number {
    const types = this.#soFar();
    const placed = layOut(types, "struct", name, Object.fromEntries(variables.map((id, i) => [`(${i})`, id])));
    const list = placed.members.map(({ type, bitOffset }) => ({
      type,
      offset: bitOffset / 8,
      size: types.sizeOf(type),
    }));
    return this.add({ kind: "datasec", name, size: placed.size, variables: list });
  }

  /** A tag on a type, variable or function, or on one of its members or parameters. */
  declTag(tag: string, type: number, component = -1): number {
    return this.add({ kind: "decl_tag", name: tag, type, component, attribute: false });
  }

  /** The types so far, some of which may refer to ids that don't exist yet. */
  #soFar(): Btf {
    return new Btf(new TypeList(this.#types), { pointerSize: 8, ...this.#options });
  }

  /**
   * The types so far.
   *
   * @throws BtfError `NO_SUCH_TYPE` when one refers to an id that was never added.
   */
  build(): Btf {
    const count = this.nextId;
    for (const type of this.#types) {
      forEachReference(type, (id) => {
        if (Number.isInteger(id) && id >= 0 && id < count) return;
        throw new BtfError("NO_SUCH_TYPE", `a ${type.kind} refers to type ${id}, of ${count}`);
      });
    }
    return new Btf(this.#types, this.#options);
  }
}
