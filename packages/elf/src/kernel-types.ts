import type { Btf, BtfKind } from "@ebpf/btf";
import type { KernelDescription } from "./options.js";

/** Tells a kernel's own types from those of its modules. */
const KERNEL_ITSELF = "vmlinux";

/** What is looked for in a kernel. */
export interface KernelTypeQuery {
  readonly name: string;
  readonly kind: BtfKind;
  /** The only place to look in: a module, or `vmlinux`. */
  readonly module?: string;
}

/** A type of a kernel. */
export interface KernelType {
  readonly id: number;
  /** Where the id leads. */
  readonly btf: Btf;
  /** The module whose type it is; absent for the kernel's own. */
  readonly module?: string;
}

/** Finds a type in the kernel, and if it has none such in its modules, in their order. */
export const findInKernel = (
  { btf, modules }: KernelDescription,
  { name, kind, module }: KernelTypeQuery,
): KernelType | undefined => {
  if (module === undefined || module === KERNEL_ITSELF) {
    const id = btf?.findByName(name, kind);
    if (btf !== undefined && id !== undefined) return { id, btf };
  }
  for (const [moduleName, types] of modules ?? []) {
    if (module !== undefined && module !== moduleName) continue;
    const id = types.findByName(name, kind);
    if (id !== undefined) return { id, btf: types, module: moduleName };
  }
  return undefined;
};
