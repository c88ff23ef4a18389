import { type CoreRelocationRecord, CoreRelocator, type CoreResolution } from "@ebpf/btf";
import { EbpfError } from "@ebpf/core";
import { ElfError } from "./errors.js";
import { lazy } from "./lazy.js";
import type { ObjectBtf } from "./object-btf.js";
import type { ReadOptions } from "./options.js";

/** What one instruction has to become. */
export interface CoreRelocation {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly resolution: CoreResolution | EbpfError;
}

/** How the code of an object is adapted to the types of a kernel. */
export class CoreResolutions {
  readonly #bySection: () => ReadonlyMap<string, readonly CoreRelocation[]>;

  constructor(types: ObjectBtf, { kernel, coreTarget }: ReadOptions) {
    // All at once and in the order of the file: what one record finds narrows the search of those behind it.
    this.#bySection = lazy(() => {
      const target = coreTarget ?? kernel?.btf;
      const resolve = target === undefined ? refuse : resolver(new CoreRelocator(types.original!, target));
      return new Map(
        [...(types.ext?.relocations ?? [])].map(([section, records]) => [
          section,
          records.map((record) => ({ offset: record.offset, resolution: resolve(record) })),
        ]),
      );
    });
  }

  /** Those of one section, by name. */
  of(section: string): readonly CoreRelocation[] {
    return this.#bySection().get(section) ?? [];
  }
}

const refuse = (): EbpfError =>
  new ElfError("NO_KERNEL_TYPES", "has to be adapted to the kernel's types (CO-RE), and no BTF of a kernel is given", {
    hint: "give the kernel's BTF, such as /sys/kernel/btf/vmlinux",
  });

const resolver =
  (relocator: CoreRelocator) =>
  (record: CoreRelocationRecord): CoreResolution | EbpfError => {
    try {
      return relocator.resolve(record);
    } catch (error) {
      if (error instanceof EbpfError) return error;
      throw error;
    }
  };
