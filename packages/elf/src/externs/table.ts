import { type Btf, compatibleTypes } from "@ebpf/btf";
import { invariant } from "@ebpf/core";
import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { ElfError } from "../errors.js";
import { findInKernel, type KernelType } from "../kernel-types.js";
import { lazy } from "../lazy.js";
import type { ReadOptions } from "../options.js";
import { type Extern, type Externs, KCONFIG } from "./collect.js";
import { type KconfigValue, kconfigValue } from "./kconfig.js";

/** What stands behind an extern. */
export type ResolvedExtern =
  | { readonly kind: "kconfig"; readonly offset: number } // bytes from the start of the map of configuration values
  // a function or variable by its id in the BTF of the kernel (0), or of a module by its number from 1 on
  | { readonly kind: "btf"; readonly id: number; readonly module: number }
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
  readonly #modules: () => readonly string[];

  /** @param btf the object's own types, as they are in the file */
  constructor(externs: Externs, btf: Btf | undefined, options: ReadOptions) {
    this.#externs = externs;
    this.#btf = btf;
    this.#options = options;
    this.#values = lazy(() => externs.kconfig.map((extern) => kconfigValue(extern, btf!, options)));
    this.#modules = lazy(() => modulesOf(externs.ksyms, options));
  }

  /** The modules that externs are found in, by number less 1. */
  get modules(): readonly string[] {
    return this.#modules();
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
    if (isUntyped(extern, this.#btf!)) return resolveAddress(extern, this.#options);
    const found = findExtern(extern, this.#options);
    if (found === undefined) return resolveMissing(extern, this.#options, kconfig.length + index);
    const module = found.module === undefined ? 0 : this.modules.indexOf(found.module) + 1;
    const problem = misfitOf(extern, this.#btf!, found);
    if (problem === undefined) return { kind: "btf", id: found.id, module };
    const isOptional = extern.isWeak && extern.type.kind === "func";
    return isOptional ? { kind: "missing", index: kconfig.length + index } : { kind: "error", error: problem };
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

const findExtern = ({ name, kernelName, type }: Extern, { kernel }: ReadOptions): KernelType | undefined =>
  kernel && findInKernel(kernel, { name: type.kind === "func" ? kernelName : name, kind: type.kind });

/** Modules of functions come first, in the order of the externs: that is the order that libbpf numbers them in. */
const modulesOf = (ksyms: readonly Extern[], options: ReadOptions): string[] => {
  const isFunction = ({ type }: Extern): boolean => type.kind === "func";
  const ordered = [...ksyms.filter(isFunction), ...ksyms.filter((extern) => !isFunction(extern))];
  return [...new Set(ordered.flatMap((extern) => findExtern(extern, options)?.module ?? []))];
};

/** @param index the extern's number among all of the object */
const resolveMissing = ({ name, type, isWeak }: Extern, { kernel }: ReadOptions, index: number): ResolvedExtern => {
  if (isWeak) return type.kind === "func" ? { kind: "missing", index } : { kind: "address", value: 0n };
  if (kernel?.btf === undefined) return unresolved(`${type.kind} ${name} is the kernel's`, "give the kernel's BTF");
  return unresolved(`the kernel has no ${type.kind} ${name}`, "declare it weak if the program copes without it");
};

/** What is wrong with the declaration of something that the kernel has. */
const misfitOf = ({ name, type }: Extern, btf: Btf, { id, btf: target }: KernelType): ElfError | undefined => {
  const found = target.type(id);
  invariant(found.kind === "func" || found.kind === "var", "functions and variables are looked for");
  const targetId = target.resolve(found.type);
  if (compatibleTypes({ local: btf, localId: btf.resolve(type.type), target, targetId })) return undefined;
  const declared = btf.typeName(type.type);
  return new ElfError(
    "BAD_EXTERN",
    `${name} is declared as ${declared}, but the kernel has ${target.typeName(found.type)}`,
  );
};
