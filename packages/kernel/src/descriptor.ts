import { KernelError } from "./errors.js";
import type { System } from "./system.js";

/** Everything that a kernel opened and hasn't closed. */
export type OpenDescriptors = Set<Descriptor>;

/** Something that the kernel keeps for us behind a file descriptor, until it is disposed of. */
export abstract class Descriptor implements Disposable {
  protected readonly system: System;
  readonly #open: OpenDescriptors;
  #fd: number;

  protected constructor(system: System, open: OpenDescriptors, fd: number) {
    this.system = system;
    this.#open = open;
    this.#fd = fd;
    open.add(this);
  }

  /** The file descriptor. @throws KernelError `CLOSED` */
  get fd(): number {
    if (this.#fd < 0) throw new KernelError("CLOSED", "it was disposed of, and can't be used any more");
    return this.#fd;
  }

  /** Closes the file descriptor. What a loaded program uses lives on in the kernel as long as the program does. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    this.system.close(this.#fd);
    this.#fd = -1;
    this.#open.delete(this);
  }
}

/** Disposes of all, the last made first. */
export const disposeAll = (descriptors: Iterable<Descriptor>): void => {
  for (const descriptor of [...descriptors].reverse()) descriptor[Symbol.dispose]();
};
