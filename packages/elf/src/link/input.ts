import { type ElfFile, type ElfSection, parseElf, SECTION_FLAG, SECTION_TYPE } from "../elf-file.js";
import { ElfError } from "../errors.js";
import { ObjectBtf } from "../object-btf.js";

/** An object file that is to be linked with others. */
export interface LinkInput {
  readonly bytes: Uint8Array;
  /** What errors call it. */
  readonly path: string;
}

/** An object file, taken apart. */
export interface OpenInput {
  readonly path: string;
  readonly file: ElfFile;
  readonly types: ObjectBtf;
  /** The sections that programs are made of, in order. */
  readonly sections: readonly ElfSection[];
}

/** Takes a file apart. @throws ElfError, MalformedError as `openObject` */
export const openInput = ({ bytes, path }: LinkInput): OpenInput => {
  const file = parseElf(bytes, path);
  const types = new ObjectBtf(file, () => {});
  const sections = file.sections.filter(
    ({ type, flags, size }) =>
      (type === SECTION_TYPE.progbits || type === SECTION_TYPE.nobits) &&
      (flags & SECTION_FLAG.alloc) !== 0 &&
      size > 0,
  );
  const odd = sections.find(({ alignment }) => alignment > MAX_ALIGNMENT || (alignment & (alignment - 1)) !== 0);
  if (odd !== undefined) throw new ElfError("BAD_SECTION", `${odd.alignment} is no alignment`, odd.content);
  return { path, file, types, sections };
};

/** Larger ones would only make large files of small ones. */
const MAX_ALIGNMENT = 4096;
