import { bytesToHex } from "@ebpf/core";
import { type ElfSection, SECTION_FLAG, SECTION_TYPE } from "../elf-file.js";
import { ElfError } from "../errors.js";
import type { RelocatableSection } from "../write/relocatable.js";
import type { OpenInput } from "./input.js";

/** A section of the output, while it grows. */
export interface OutputSection extends RelocatableSection {
  size: number;
  alignment: number;
  bytes: Uint8Array;
  readonly relocations: RelocatableSection["relocations"][number][];
}

/** Where a section of an input ended up. */
export interface Placement {
  readonly section: OutputSection;
  /** Bytes from the start of the output's section. */
  readonly offset: number;
}

/** Of these an object has one each, whatever it was linked from. */
const SINGLE = new Set(["license", "version"]);

/** Puts sections of one name behind each other. */
export class SectionMerger {
  readonly #outputs = new Map<string, { readonly section: OutputSection; readonly parts: Uint8Array[] }>();

  /** The sections of the output. */
  get sections(): OutputSection[] {
    return [...this.#outputs.values()].map(({ section, parts }) => {
      section.bytes = concatenate(parts);
      return section;
    });
  }

  /**
   * Appends a section to those of its name.
   *
   * @returns nothing for a license or version that the output has already
   * @throws ElfError `BAD_SECTION` when they are of different kinds, or are license or version and differ.
   */
  append(section: ElfSection, { path }: OpenInput): Placement | undefined {
    const known = this.#outputs.get(section.name) ?? this.#start(section);
    const output = known.section;
    if (
      output.type !== typeOf(section) ||
      (output.flags & SECTION_FLAG.execute) !== (section.flags & SECTION_FLAG.execute)
    ) {
      throw new ElfError("BAD_SECTION", `section ${section.name} is of another kind than before it`, { path });
    }
    if (SINGLE.has(section.name) && known.parts.length > 0) {
      if (bytesToHex(section.content.bytes) === bytesToHex(known.parts[0]!)) return undefined;
      throw new ElfError("BAD_SECTION", `its ${section.name} is not that of the objects before it`, { path });
    }
    const alignment = Math.max(section.alignment, 1);
    const offset = Math.ceil(output.size / alignment) * alignment;
    if (output.type === "progbits") {
      if (offset > output.size) known.parts.push(new Uint8Array(offset - output.size));
      known.parts.push(section.content.bytes);
    }
    output.size = offset + section.size;
    output.alignment = Math.max(output.alignment, alignment);
    return { section: output, offset };
  }

  #start({ name, flags, ...section }: ElfSection) {
    const output: OutputSection = {
      name,
      type: typeOf(section),
      flags,
      alignment: 1,
      size: 0,
      bytes: new Uint8Array(0),
      relocations: [],
    };
    const made = { section: output, parts: [] };
    this.#outputs.set(name, made);
    return made;
  }
}

const typeOf = ({ type }: Pick<ElfSection, "type">): "progbits" | "nobits" =>
  type === SECTION_TYPE.nobits ? "nobits" : "progbits";

const concatenate = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
