import { release } from "node:os";
import type { Btf } from "@ebpf/btf";
import type { MapSpec, ProgramSpec } from "@ebpf/platform";
import { Attributes } from "./attributes.js";
import { type KernelBtf, loadBtf } from "./btf.js";
import { type Descriptor, disposeAll } from "./descriptor.js";
import { ERRNO, errorName } from "./errno.js";
import { KernelError } from "./errors.js";
import { type LoadOptions, type LoadResult, LogBuffer, load } from "./load.js";
import type { KernelMap } from "./map.js";
import { Parts, type SharedParts } from "./parts.js";
import { type Obstacle, openSystem, type System } from "./system.js";

/** Whether programs can be loaded here; if not, the message says in one line what is missing. */
export type KernelAvailability =
  | { readonly available: true; readonly release: string }
  | {
      readonly available: false;
      readonly reason: Obstacle["reason"] | "NO_PERMISSION" | "NO_BPF";
      readonly message: string;
    };

/** `r0 = 0; exit`, as an XDP program: loading it needs what loading any network program needs. */
const SMALLEST = Uint8Array.from([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
const XDP = 6;

const tryBpf = (system: System): KernelAvailability => {
  const attributes = new Attributes("programLoad")
    .set({ programType: XDP, instructionCount: 2 })
    .point("instructions", SMALLEST)
    .point("license", new Uint8Array(1));
  const result = system.bpf(attributes);
  if (result >= 0) {
    system.close(result);
    return { available: true, release: release() };
  }
  if (result === -ERRNO.EPERM) {
    const message = "bpf(2) is refused: CAP_BPF and CAP_NET_ADMIN are missing, or a security policy forbids it";
    return { available: false, reason: "NO_PERMISSION", message };
  }
  const message = `this kernel loads no BPF programs: ${errorName(-result)}`;
  return { available: false, reason: "NO_BPF", message };
};

const isObstacle = (opened: System | Obstacle): opened is Obstacle => "reason" in opened;

/** Finds out whether the kernel of this machine loads programs for us, by loading a program of two instructions. */
export const probeKernel = async (): Promise<KernelAvailability> => {
  const opened = await openSystem();
  return isObstacle(opened) ? { available: false, ...opened } : tryBpf(opened);
};

/**
 * The kernel of this machine. Whatever is made through it is closed with it, at the latest; after `open` every call is
 * synchronous.
 *
 * @example
 * using kernel = await Kernel.open();
 * const { accepted, log } = kernel.load(program);
 */
export class Kernel implements Disposable {
  readonly #system: System;
  readonly #open = new Set<Descriptor>();
  readonly #buffer = new LogBuffer();
  #disposed = false;

  private constructor(system: System) {
    this.#system = system;
  }

  /** Opens the way to the kernel. @throws KernelError `UNAVAILABLE` with what is missing */
  static async open(): Promise<Kernel> {
    const opened = await openSystem();
    const availability: KernelAvailability = isObstacle(opened) ? { available: false, ...opened } : tryBpf(opened);
    if (!availability.available || isObstacle(opened)) {
      throw new KernelError("UNAVAILABLE", availability.available ? "" : availability.message);
    }
    return new Kernel(opened);
  }

  #usable(): System {
    if (this.#disposed) throw new KernelError("CLOSED", "this kernel was disposed of, and can't be used any more");
    return this.#system;
  }

  /**
   * Makes a map, writes what it begins with, and freezes it when its spec says so. An initial value that refers to a map
   * by name is written when that map is among the shared ones.
   *
   * @throws KernelError `UNSUPPORTED` for a structure of functions that isn't known; `BAD_OPTION` for maps of maps of
   *   maps; `BTF_LOAD`, `MAP_CREATE`, `MAP_ACCESS` with the kernel's errno.
   */
  createMap(spec: MapSpec, shared: SharedParts = {}): KernelMap {
    const others = new Map(shared.maps ?? []);
    others.delete(spec);
    using parts = new Parts(this.#usable(), this.#open, { ...shared, maps: others });
    return parts.release(parts.map(spec));
  }

  /** Gives types to the kernel. @throws KernelError `BTF_LOAD` with the kernel's errno and log */
  loadBtf(btf: Btf): KernelBtf {
    return loadBtf(this.#usable(), this.#open, btf);
  }

  /**
   * Has a program verified. A rejection is a result; maps and types that the program needs are made from its spec unless
   * they are given, and closed again unless the program is kept.
   *
   * @throws KernelError `TOO_LONG`, `BAD_OPTION`, `UNSUPPORTED`; `MAP_CREATE`, `MAP_ACCESS`, `BTF_LOAD` with the kernel's errno.
   */
  load(spec: ProgramSpec, options: LoadOptions = {}): LoadResult {
    return load({ system: this.#usable(), open: this.#open, buffer: this.#buffer }, spec, options);
  }

  /** Closes everything that was made through it and is still open. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    disposeAll(this.#open);
  }
}
