import { type Btf, compatibleTypes } from "@ebpf/btf";
import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { ElfError } from "../errors.js";
import { lazy } from "../lazy.js";
import type { ReadOptions } from "../options.js";
import { type Extern, type Externs, KCONFIG } from "./collect.js";
import { type KconfigValue, kconfigValue } from "./kconfig.js";

/** What stands behind an extern. */
export type ResolvedExtern =
  | { readonly kind: "kconfig"; readonly offset: number } // bytes from the start of the map of configuration values
  | { readonly kind: "btf"; readonly id: number } // a function or variable by its id in the kernel's BTF
  | { readonly kind: "address"; readonly value: bigint } // 0 for one that the kernel lacks
  | { readonly kind: "missing"; readonly index: number } // a weak function that the kernel lacks
  | { readonly kind: "error"; readonly error: ElfError };

/** The externs of an object and what they are in a kernel. */
export class ExternTable {
  readonly #externs: Externs;
  readonly #btf: Btf | undefined;
  readonly #options: ReadOptions;
  readonly #known = new Map<string, ResolvedExtern>();
  readonly #values: () => readonly KconfigValue[];

  /** @param btf the object's own types, as they are in the file */
  constructor(externs: Externs, btf: Btf | undefined, options: ReadOptions) {
    this.#externs = externs;
    this.#btf = btf;
    this.#options = options;
    this.#values = lazy(() => externs.kconfig.map((extern) => kconfigValue(extern, btf!, options)));
  }

  /** What an undefined symbol stands for, or `undefined` for one that nothing says the kernel has. */
  resolve(name: string): ResolvedExtern | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const resolved = this.#resolve(name);
    if (resolved !== undefined) this.#known.set(name, resolved);
    return resolved;
  }

  #resolve(name: string): ResolvedExtern | undefined {
    const { kconfig, ksyms } = this.#externs;
    const value = kconfig.findIndex((extern) => extern.name === name);
    if (value >= 0) {
      const { offset } = kconfig[value]!;
      const content = this.#values()[value]!;
      return "error" in content ? { kind: "error", error: content.error } : { kind: "kconfig", offset };
    }
    const index = ksyms.findIndex((extern) => extern.name === name);
    if (index < 0) return undefined;
    const extern = ksyms[index]!;
    // libbpf numbers all externs of an object through, values of the configuration first.
    return isUntyped(extern, this.#btf!)
      ? resolveAddress(extern, this.#options)
      : resolveTyped(extern, this.#btf!, this.#options, kconfig.length + index);
  }

  /** The map that holds the values of the kernel's configuration, if the object asks for any. */
  kconfigMap(kernelName: string, btf: Btf | undefined): MapSpec | undefined {
    const { kconfig } = this.#externs;
    const last = kconfig.at(-1);
    if (last === undefined || btf === undefined) return undefined;
    const content = new Uint8Array(last.offset + last.size);
    for (const [i, value] of this.#values().entries()) {
      if ("bytes" in value) content.set(value.bytes, kconfig[i]!.offset);
    }
    const valueTypeId = btf.findByName(KCONFIG, "datasec");
    return {
      name: KCONFIG,
      kernelName,
      type: "array",
      keySize: 4,
      valueSize: content.length,
      maxEntries: 1,
      flags: MAP_FLAGS.readOnlyProgram | MAP_FLAGS.mmapable,
      section: KCONFIG,
      frozen: true,
      initial: [{ key: new Uint8Array(4), value: content }],
      ...(valueTypeId === undefined ? {} : { btf: { btf, valueTypeId } }),
    };
  }
}

/** `extern const void x __ksym` asks for an address and says nothing of what is there. */
const isUntyped = ({ type }: Extern, btf: Btf): boolean =>
  type.kind === "var" && btf.resolvedType(type.type).kind === "void";

const unresolved = (problem: string, hint: string): ResolvedExtern => ({
  kind: "error",
  error: new ElfError("UNRESOLVED_EXTERN", problem, { hint }),
});

const resolveAddress = ({ name, isWeak }: Extern, { kernel }: ReadOptions): ResolvedExtern => {
  const value = kernel?.symbols?.get(name);
  if (value !== undefined) return { kind: "address", value };
  if (isWeak) return { kind: "address", value: 0n };
  return unresolved(`the address of ${name} in the kernel is not known`, "give the kernel's symbols");
};

const resolveTyped = (extern: Extern, btf: Btf, { kernel }: ReadOptions, index: number): ResolvedExtern => {
  const { name, kernelName, type, isWeak } = extern;
  const missing: ResolvedExtern = type.kind === "func" ? { kind: "missing", index } : { kind: "address", value: 0n };
  const target = kernel?.btf;
  const id = target?.findByName(type.kind === "func" ? kernelName : name, type.kind);
  const found = id === undefined ? undefined : target?.type(id);
  if (target === undefined || id === undefined || found?.kind !== type.kind) {
    if (isWeak) return missing;
    if (target === undefined) return unresolved(`${type.kind} ${name} is the kernel's`, "give the kernel's BTF");
    return unresolved(`the kernel has no ${type.kind} ${name}`, "declare it weak if the program copes without it");
  }
  const fits = compatibleTypes({
    local: btf,
    localId: btf.resolve(type.type),
    target,
    targetId: target.resolve(found.type),
  });
  if (fits) return { kind: "btf", id };
  if (isWeak && type.kind === "func") return missing;
  const error = new ElfError(
    "BAD_EXTERN",
    `${name} is declared as ${btf.typeName(type.type)}, but the kernel has ${target.typeName(found.type)}`,
  );
  return { kind: "error", error };
};
