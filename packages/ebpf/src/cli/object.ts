import { readBtf, readObject } from "@ebpf/elf";
import type { ObjectSpec } from "@ebpf/platform";
import type { Arguments } from "./command.js";
import { inputName, readInput } from "./files.js";
import { assignment } from "./load-options.js";

/** Options of the commands that read an object file. */
export const OBJECT_OPTIONS = {
  btf: { type: "string" },
  kconfig: { type: "string", multiple: true },
} as const;

export const OBJECT_OPTION_HELP = `  --btf FILE           types of the kernel that programs are for: raw (such as /sys/kernel/btf/vmlinux), or in an ELF file
  --kconfig NAME=VALUE a value of the kernel's configuration, or LINUX_KERNEL_VERSION (repeatable)`;

/**
 * Reads the object file that the command line names, for the kernel that it describes.
 *
 * @throws UsageError, FileError, ElfError, MalformedError
 */
export const readObjectFile = (args: Arguments): ObjectSpec => {
  const file = args.file("object file");
  const btf = args.text("btf");
  const kconfig = Object.fromEntries(args.list("kconfig").map((text) => assignment("kconfig", text)));
  return readObject(readInput(file), {
    path: inputName(file),
    kconfig,
    ...(btf === undefined ? {} : { kernel: { btf: readBtf(readInput(btf), { path: inputName(btf) }) } }),
  });
};
