import { SLOT_SIZE } from "@ebpf/asm";
import { type ElfRelocation, type ElfSection, RELOCATION, relocationsOf, SECTION_FLAG } from "../elf-file.js";
import { ElfError } from "../errors.js";
import { encodeElf, type RelocatableSection, type RelocatableSymbol } from "../write/relocatable.js";
import { type LinkInput, type OpenInput, openInput } from "./input.js";
import { type OutputSection, type Placement, SectionMerger } from "./sections.js";
import { SymbolMerger } from "./symbols.js";
import { TypeMerger } from "./types.js";

/**
 * Links object files into one: sections of one name follow each other, a name that one file declares and another defines
 * leads there, weak definitions give way, and functions, lines and CO-RE relocations come along with their types, of which equal ones become one. Code of a weak
 * function that gave way stays, as no symbol's.
 *
 * @throws ElfError `BAD_SYMBOL` for two definitions of a name; `BAD_SECTION` for sections that don't go together, such as
 *   different licenses, and for files of different byte orders; what `openObject` throws.
 */
export const linkObjects = (inputs: readonly LinkInput[]): Uint8Array => {
  const opened = inputs.map(openInput);
  const order = opened[0]?.file.order ?? "little";
  const other = opened.find(({ file }) => file.order !== order);
  if (other !== undefined) throw new ElfError("BAD_SECTION", "its byte order is another one", { path: other.path });

  const merger = new SectionMerger();
  const symbols = new SymbolMerger();
  const placed = opened.map((input) => new PlacedObject(input, merger, symbols));
  const sections = merger.sections;
  for (const object of placed) object.relocate(symbols);

  const types = new TypeMerger(order, symbols);
  for (const object of placed) types.add(object);
  const encoded = types.finish();
  const described = encoded === undefined ? [] : [plain(".BTF", encoded.btf), plain(".BTF.ext", encoded.ext)];
  return encodeElf({ order, sections: [...sections, ...described], symbols: symbols.symbols });
};

const plain = (name: string, bytes: Uint8Array): RelocatableSection => ({
  name,
  type: "progbits",
  flags: 0,
  alignment: 4,
  size: bytes.length,
  bytes,
  relocations: [],
});

/** An input whose sections have their places. */
class PlacedObject {
  readonly input: OpenInput;
  readonly places: ReadonlyMap<string, Placement>;
  readonly #byIndex: ReadonlyMap<number, Placement>;
  /** By symbol of the input: those that only it sees. */
  readonly #locals = new Map<object, RelocatableSymbol>();

  constructor(input: OpenInput, merger: SectionMerger, symbols: SymbolMerger) {
    this.input = input;
    const placed = input.sections.flatMap((section) => {
      const place = merger.append(section, input);
      return place === undefined ? [] : [{ ...section, place }];
    });
    this.#byIndex = new Map(placed.map(({ index, place }) => [index, place]));
    this.places = new Map(placed.map(({ name, place }) => [name, place]));
    for (const symbol of input.file.symbols.slice(1)) {
      const local = symbols.add(symbol, this.#byIndex.get(symbol.section), input);
      if (local !== undefined) this.#locals.set(symbol, local);
    }
  }

  /** Carries relocations over, when all symbols are known. */
  relocate(symbols: SymbolMerger): void {
    for (const section of this.input.sections) {
      const place = this.#byIndex.get(section.index);
      if (place === undefined) continue;
      const { section: output, offset } = place;
      for (const relocation of relocationsOf(this.input.file, section)) {
        if (relocation.offset >= section.size) throw outside(relocation, section);
        const { symbol, type } = relocation;
        const target = symbol.binding === "local" ? this.#locals.get(symbol) : symbols.global(symbol.name);
        if (target === undefined) {
          throw new ElfError("UNKNOWN_SECTION", `${symbol.name} lies in a section that is left out`, section.content);
        }
        const at = offset + relocation.offset;
        // Against a section, the instruction says where in it; that has moved.
        const moved = symbol.kind === "section" ? (this.#byIndex.get(symbol.section)?.offset ?? 0) : 0;
        if (moved !== 0) move(output, at, type, { by: moved, little: this.input.file.order === "little" });
        output.relocations.push({ offset: at, type, symbol: target });
      }
    }
  }
}

const outside = ({ offset }: ElfRelocation, { content }: ElfSection): ElfError =>
  new ElfError("BAD_RELOCATION", `a relocation at byte ${offset} is outside`, content);

/** Adds to what stands in the place of a relocation. */
const move = (
  { bytes, flags, name }: OutputSection,
  at: number,
  type: number,
  { by, little }: { readonly by: number; readonly little: boolean },
): void => {
  const isCode = (flags & SECTION_FLAG.execute) !== 0;
  const [place, amount] = isCode ? [at + 4, type === RELOCATION.call ? by / SLOT_SIZE : by] : [at, by];
  if (place + 4 > bytes.length)
    throw new ElfError("BAD_RELOCATION", `section ${name}: no room for a relocation at ${at}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const low = !isCode && type === RELOCATION.data64 && !little ? place + 4 : place;
  view.setInt32(low, view.getInt32(low, little) + amount, little);
};
