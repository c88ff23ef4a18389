import type { AssembledSection, AssembledSymbol } from "@ebpf/asm";
import { SLOT_SIZE } from "@ebpf/asm";
import { type BtfBuilder, encodeBtfSections, type FunctionRecord, type LineRecord } from "@ebpf/btf";
import type { MarkedAssembly } from "./symbols.js";
import type { ObjectSource } from "./write-object.js";

/** What `encodeCodeTypes` needs of an object's source. */
type CodeSource = Pick<ObjectSource, "source" | "types" | "order">;

const SUBPROGRAM_SECTION = ".text";

/** Adds a type for each function, and encodes all types with the functions and lines of the code. */
export const encodeCodeTypes = (
  types: BtfBuilder,
  { sections, functions: symbols }: MarkedAssembly,
  source: CodeSource,
): { readonly btf: Uint8Array; readonly ext: Uint8Array } => {
  const code = sections.filter(({ name }) => symbols.has(name));
  const functions = new Map(
    [...symbols].map(
      ([section, own]) => [section, own.map((symbol) => functionRecord(types, symbol, source))] as const,
    ),
  );
  const texts = source.source?.text.split("\n") ?? [];
  const lines = new Map(
    code.map(
      (section) =>
        [section.name, lineRecords(section, functions.get(section.name) ?? [], { ...source, texts })] as const,
    ),
  );
  const ext = { functions, lines, relocations: new Map() };
  return encodeBtfSections(types.build(), ext, source.order ?? "little");
};

/**
 * A function that nobody gave a type for takes a context. When it is no program it is static: the kernel verifies a
 * global one by its type alone.
 */
const functionRecord = (types: BtfBuilder, symbol: AssembledSymbol, source: CodeSource): FunctionRecord => {
  const { name, offset, section } = symbol;
  const given = source.types?.functions.get(name);
  if (given !== undefined) return { offset, typeId: given };
  const signature = types.signature(types.int("int", 4, "signed"), { ctx: types.pointer() });
  return { offset, typeId: types.func(name, signature, section === SUBPROGRAM_SECTION ? "static" : "global") };
};

/** A record wherever the line changes, and where a function begins. */
const lineRecords = (
  section: AssembledSection,
  functions: readonly FunctionRecord[],
  { source, texts }: CodeSource & { readonly texts: readonly string[] },
): LineRecord[] => {
  if (source === undefined) return [];
  const { file } = source;
  const starts = new Set(functions.map(({ offset }) => offset / SLOT_SIZE));
  const records: LineRecord[] = [];
  let current = 0;
  section.lines.forEach((line, pc) => {
    if (section.instructions[pc]?.op.family === "lddw-tail") return;
    const changed = line !== 0 && line !== current;
    if (!changed && !starts.has(pc)) return;
    if (line !== 0) current = line;
    const shown = Math.max(current, 1);
    records.push({ offset: pc * SLOT_SIZE, file, text: (texts[shown - 1] ?? "").trimEnd(), line: shown, column: 0 });
  });
  return records;
};
