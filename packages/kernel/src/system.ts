import { arch, platform } from "node:os";
import type { Attributes, CommandName } from "./attributes.js";
import { ERRNO } from "./errno.js";

/** Numbers of bpf(2) by machine. */
const BPF_SYSCALL: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** Calls made before giving up: the verifier ends with EAGAIN when a signal is pending for the process. */
const ATTEMPTS = 5;

/** What this package asks of the operating system. */
export interface System {
  /** Makes one call of bpf(2). Returns its result, or the negative error number. */
  bpf<C extends CommandName>(attributes: Attributes<C>): number;
  close(fd: number): void;
}

/** Why there is no `System` here. */
export interface Obstacle {
  readonly reason: "NOT_LINUX" | "NOT_X64_OR_ARM64" | "NO_FFI";
  readonly message: string;
}

/** Opens the C library through koffi, which is imported only now: it is an optional dependency. */
export const openSystem = async (): Promise<System | Obstacle> => {
  if (platform() !== "linux") return { reason: "NOT_LINUX", message: `bpf(2) needs Linux, and this is ${platform()}` };
  const number = BPF_SYSCALL[arch()];
  if (number === undefined) {
    return { reason: "NOT_X64_OR_ARM64", message: `bpf(2) is known for x64 and arm64, and this is ${arch()}` };
  }
  try {
    const { default: koffi } = await import("koffi");
    // The process itself is linked with a C library, whichever that is.
    const library = koffi.load(null);
    const syscall = library.func("long syscall(long number, long command, void *attributes, unsigned int size)");
    const close = library.func("int close(int fd)");
    // The engine sees no use of the buffers in the call: this keeps them from being collected meanwhile.
    const pinned: { attributes: object | undefined } = { attributes: undefined };
    return {
      bpf: (attributes) => {
        for (const [offset, bytes] of attributes.pointers) {
          new DataView(attributes.bytes.buffer).setBigUint64(offset, koffi.address(bytes), true);
        }
        pinned.attributes = attributes;
        let outcome = -ERRNO.EAGAIN;
        for (let attempt = 0; attempt < ATTEMPTS && outcome === -ERRNO.EAGAIN; attempt++) {
          const result = Number(syscall(number, attributes.command, attributes.bytes, attributes.bytes.length));
          outcome = result < 0 ? -koffi.errno() : result;
        }
        pinned.attributes = undefined;
        return outcome;
      },
      close: (fd) => {
        close(fd);
      },
    };
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    return { reason: "NO_FFI", message: `bpf(2) needs the package koffi, which doesn't load: ${problem}` };
  }
};
