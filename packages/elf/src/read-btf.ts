import { type Btf, decodeBtf } from "@ebpf/btf";
import { isElf, sectionContent } from "./elf-file.js";
import { ElfError } from "./errors.js";

/** How `readBtf` reads. */
export interface ReadBtfOptions {
  /** What errors call the file; `btf` by default. */
  readonly path?: string;
  /** BTF that split BTF, such as a module's, continues. */
  readonly base?: Btf;
}

/**
 * The types in a file: BTF itself, such as `/sys/kernel/btf/vmlinux`, or what an ELF file for any machine has in its section
 * `.BTF`, such as a kernel with debug information, a module or a BPF object.
 *
 * @throws ElfError `NO_BTF`, `WRONG_CLASS`, `BAD_SECTION`; MalformedError when the bytes are not BTF.
 */
export const readBtf = (bytes: Uint8Array, { path = "btf", ...options }: ReadBtfOptions = {}): Btf => {
  if (!isElf(bytes)) return decodeBtf(bytes, { path, ...options });
  const section = sectionContent(bytes, path, ".BTF");
  if (section === undefined) throw new ElfError("NO_BTF", "the file has no section .BTF", { path, offset: 0 });
  return decodeBtf(section.bytes, { path: section.path, offset: section.base, order: section.order, ...options });
};
