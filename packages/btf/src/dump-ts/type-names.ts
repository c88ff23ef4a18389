import type { Btf } from "../btf.js";
import { UniqueNames } from "../unique-names.js";

/** Names that the generated code itself uses. */
const RESERVED = "LITTLE DataView Uint8Array TextDecoder TextEncoder BigInt Number Array Math RangeError Partial".split(
  " ",
);

/** Names for the types that are declared, by the id behind typedefs. Whoever asks for a name has the type declared. */
export class TypeNames {
  readonly #btf: Btf;
  readonly #names = new Map<number, string>();
  readonly #unique = new UniqueNames();

  constructor(btf: Btf) {
    this.#btf = btf;
    for (const name of RESERVED) this.#unique.take(name);
  }

  /**
   * The name of a structure, union, data section or enumeration: its own, its typedef's, or where it was found.
   *
   * @param place where the type is used, as a name
   */
  of(id: number, place: string): string {
    const resolved = this.#btf.resolve(id);
    const known = this.#names.get(resolved);
    if (known !== undefined) return known;
    const name = this.#unique.take(pascalCase(this.#ownName(id) || place || `type ${resolved}`));
    this.#names.set(resolved, name);
    return name;
  }

  /** The type's own name, or that of the typedef that names it. */
  #ownName(id: number): string {
    const type = this.#btf.type(this.#btf.resolve(id));
    if ("name" in type && type.name !== "") return type.name;
    for (let current = id; ; ) {
      const outer = this.#btf.type(current);
      if (outer.kind === "typedef") return outer.name;
      if (
        outer.kind !== "const" &&
        outer.kind !== "volatile" &&
        outer.kind !== "restrict" &&
        outer.kind !== "type_tag"
      ) {
        return "";
      }
      current = outer.type;
    }
  }

  /** The ids of all types that have a name, those included that get one while this is walked through. */
  declared(): Iterable<number> {
    return this.#names.keys();
  }
}

const pascalCase = (name: string): string => {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^[A-Z]/.test(joined) ? joined : `Type${joined}`;
};
