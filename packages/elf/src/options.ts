import type { Btf } from "@ebpf/btf";

/** What is known of the kernel that programs are for. */
export interface KernelDescription {
  /** Its types: CO-RE adapts code to them, and functions, variables and attach targets are looked up in them. */
  readonly btf?: Btf;
  /** Types of its modules by name, each over `btf`: where functions, variables and attach targets are looked up next. */
  readonly modules?: ReadonlyMap<string, Btf>;
  /** Its release as `uname -r` prints it, such as `6.18.44-1`. */
  readonly release?: string;
  /** Addresses of its symbols, as in `/proc/kallsyms`, for externs without a type. */
  readonly symbols?: ReadonlyMap<string, bigint>;
}

/** How objects are read. */
export interface ReadOptions {
  /** What errors call the file; `object` by default. */
  readonly path?: string;
  /** What names of data maps begin with in the kernel; the file's name up to its first dot by default. */
  readonly name?: string;
  readonly kernel?: KernelDescription;
  /** The types that CO-RE adapts code to, when they are not those of `kernel`. */
  readonly coreTarget?: Btf;
  /**
   * Values of the kernel's configuration by name, written as in its configuration file: `y`, `250`, `"text"`; see
   * `parseKconfig`. `LINUX_…` values may stand here too, instead of those that follow from `kernel`.
   */
  readonly kconfig?: Readonly<Record<string, string>>;
}
