import { type ByteOrder, ByteWriter } from "@ebpf/core";
import type { Token } from "../text/lexer.js";
import { errorAt } from "../text/lexer.js";

/** More than any program has; bounds what a few characters such as `.zero 99999999` can ask for. */
const MAX_SECTION_SIZE = 1 << 26;

/** A section while its text is read. */
export class SectionBuilder {
  readonly name: string;
  readonly writer: ByteWriter;
  /** True once the text says so, or has put an instruction here. */
  executable: boolean;
  /** Where instructions stand: the byte offset and the line of each. */
  readonly lines: { readonly offset: number; readonly line: number }[] = [];

  constructor(name: string, order: ByteOrder, executable: boolean) {
    this.name = name;
    this.writer = new ByteWriter(order);
    this.executable = executable;
  }

  get size(): number {
    return this.writer.length;
  }

  /**
   * Adds zero bytes, to be filled later or to stay.
   *
   * @throws AsmError `OUT_OF_RANGE` when the section would become larger than any program.
   */
  reserve(size: number, token: Token): number {
    const offset = this.size;
    if (!(size <= MAX_SECTION_SIZE - offset)) {
      throw errorAt("OUT_OF_RANGE", token, `section ${this.name} would be larger than ${MAX_SECTION_SIZE} bytes`);
    }
    this.writer.raw(new Uint8Array(size));
    return offset;
  }
}
