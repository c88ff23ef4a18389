import type { ByteOrder } from "@ebpf/core";
import { decode, encode, SLOT_SIZE } from "../codec.js";
import { AsmError } from "../errors.js";
import type { CpuVersion } from "../operation.js";
import { DIALECTS, type Dialect, type DialectName } from "../syntax/dialect.js";
import { Cursor } from "../text/cursor.js";
import type { Expression, ExpressionScope } from "../text/expression.js";
import { errorAt, type Token } from "../text/lexer.js";
import type { AssembledRelocation, AssembledSection, AssembledSymbol, Assembly } from "./assembly.js";
import { type PendingValue, writeValue } from "./data.js";
import { type DirectiveContext, equate, runDirective } from "./directives.js";
import { type PendingInstruction, resolveInstruction } from "./operands.js";
import { SectionBuilder } from "./section.js";
import { isPrivateName, type Located, SymbolTable } from "./symbols.js";

/** How a text is to be understood. */
export interface AssembleOptions {
  readonly dialect: DialectName;
  /** Byte order of the result; `little` when not given. */
  readonly order?: ByteOrder;
  /** Operations newer than this are refused; everything is accepted when not given. */
  readonly cpu?: CpuVersion;
  /** The number of a helper by name, for `call NAME`. */
  readonly helpers?: (name: string) => number | undefined;
  /** Values of names that the text does not define. */
  readonly symbols?: Readonly<Record<string, number | bigint>>;
  /** The name of the text, for the places of errors. */
  readonly file?: string;
}

/** The state of one assembly; the public face is `assemble`. */
class Assembler implements DirectiveContext {
  readonly dialect: Dialect;
  readonly order: ByteOrder;
  readonly options: AssembleOptions;
  readonly symbols = new SymbolTable();
  readonly sections = new Map<string, SectionBuilder>();
  readonly instructions: PendingInstruction[] = [];
  readonly values: PendingValue[] = [];
  section: SectionBuilder;
  /** Where the first `exit` stands. */
  #exit: { readonly section: string; readonly offset: number } | undefined;

  constructor(options: AssembleOptions) {
    this.options = options;
    this.dialect = DIALECTS[options.dialect];
    this.order = options.order ?? "little";
    this.section = this.enter(".text", true);
  }

  /** Continues the section of this name, made when it is new. */
  enter(name: string, executable: boolean): SectionBuilder {
    const section = this.sections.get(name) ?? new SectionBuilder(name, this.order, executable);
    this.sections.set(name, section);
    this.section = section;
    return section;
  }

  readonly scope: ExpressionScope = {
    here: (): Expression => ({ kind: "place", section: this.section.name, offset: this.section.size }),
    localLabel: (reference) => this.symbols.local(reference),
  };

  /** Reads one statement: labels, then an instruction or a directive or nothing. */
  statement(tokens: readonly Token[]): void {
    let rest = tokens;
    while (rest[1]?.text === ":" && isLabel(rest[0]!)) {
      this.symbols.define(rest[0]!, this.section.name, this.section.size);
      rest = rest.slice(2);
    }
    const first = rest[0];
    if (first === undefined) return;
    const cursor = new Cursor(rest);
    if (rest[1]?.text === "=" && first.kind === "word") equate(this, cursor, first);
    else if (first.kind === "word" && first.text.startsWith(".")) runDirective(this, cursor, cursor.next()!);
    else this.#instruction(rest);
  }

  data(size: number, value: Expression, token: Token): void {
    this.values.push({ value, token, size, section: this.section.name, offset: this.section.reserve(size, token) });
  }

  #instruction(statement: readonly Token[]): void {
    const opcode = this.dialect.opcodePrefix ? opcodePrefix(statement) : undefined;
    const tokens = opcode === undefined ? statement : statement.slice(3);
    const token = tokens[0]!;
    const match = this.dialect.matcher.match(tokens, this.scope, opcode);
    const { op } = match;
    if (this.options.cpu !== undefined && op.cpu > this.options.cpu) {
      throw errorAt("CPU_VERSION", token, `${op.name} needs ${op.cpu}, and ${this.options.cpu} is asked for`);
    }
    const offset = this.section.reserve(op.family === "lddw" ? 2 * SLOT_SIZE : SLOT_SIZE, token);
    if (offset % SLOT_SIZE !== 0) {
      throw errorAt(
        "BAD_LENGTH",
        token,
        `the data before it takes ${offset} bytes, which is no number of instructions`,
      );
    }
    this.section.executable = true;
    this.section.lines.push({ offset, line: token.line });
    this.instructions.push({ ...match, section: this.section.name, offset, token });
    if (op.family === "exit") this.#exit ??= { section: this.section.name, offset };
  }

  finish(): Assembly {
    this.#defineOutside();
    this.symbols.complete();
    const relocations: AssembledRelocation[] = [];
    const bytes = new Map([...this.sections].map(([name, section]) => [name, section.writer.finish()]));
    const resolution = { symbols: this.symbols, helpers: this.options.helpers ?? (() => undefined), relocations };
    for (const pending of this.instructions) {
      const slots = encode(resolveInstruction(pending, resolution), this.order);
      bytes.get(pending.section)!.set(slots, pending.offset);
    }
    for (const pending of this.values) {
      writeValue(pending, resolution, new DataView(bytes.get(pending.section)!.buffer), this.order);
    }
    const used = [...this.sections.values()].filter((section) => section.size > 0);
    return {
      sections: used.map((section) => finishSection(section, bytes.get(section.name)!, this.order)),
      symbols: this.#finishSymbols(relocations),
      relocations,
    };
  }

  /** Gives names that the text leaves undefined the values they have from outside of it. */
  #defineOutside(): void {
    for (const [name, value] of Object.entries(this.options.symbols ?? {})) {
      if (!this.symbols.isDefined(name)) {
        const constant = wholeNumber(name, value);
        this.symbols.entry(name).equated = { value: { kind: "number", value: constant }, token: OUTSIDE };
      }
    }
    if (this.dialect.exitLabel && this.#exit !== undefined && !this.symbols.isDefined("exit")) {
      Object.assign(this.symbols.entry("exit"), this.#exit);
    }
  }

  #finishSymbols(relocations: readonly AssembledRelocation[]): AssembledSymbol[] {
    for (const { symbol } of relocations) if (!this.sections.has(symbol)) this.symbols.entry(symbol);
    return [...this.symbols.entries()]
      .filter(({ name, equated }) => !isPrivateName(name) && equated === undefined)
      .map(({ name, section, offset, size, binding, type }) => ({
        name,
        section,
        offset,
        size: size === undefined ? 0 : this.#sizeOf(size),
        // A name that isn't defined here can only be someone else's.
        binding: section === undefined && binding === "local" ? "global" : binding,
        type,
      }));
  }

  #sizeOf({ value, token }: Located): number {
    const { base, constant } = this.symbols.evaluate(value, token);
    if (base !== undefined || constant < 0n || constant > 0xffff_ffffn) {
      throw errorAt("OUT_OF_RANGE", token, "a size is a number that is not negative");
    }
    return Number(constant);
  }
}

const wholeNumber = (name: string, value: number | bigint): bigint => {
  if (typeof value === "number" && !Number.isInteger(value)) {
    throw new AsmError("OUT_OF_RANGE", `the symbol ${name} is ${value}, which is no whole number`, { text: name });
  }
  return BigInt.asIntN(64, BigInt(value));
};

/** Where names stand that don't come from the text. */
const OUTSIDE: Token = { kind: "word", text: "", line: 0, column: 0 };

/** The opcode of `(b7) r1 = 1`. */
const opcodePrefix = ([open, opcode, close, next]: readonly Token[]): number | undefined =>
  open?.text === "(" && close?.text === ")" && next !== undefined && /^[0-9a-f]{2}$/.test(opcode!.text)
    ? Number.parseInt(opcode!.text, 16)
    : undefined;

const isLabel = (token: Token) => token.kind === "word" || (token.kind === "number" && /^[0-9]+$/.test(token.text));

const finishSection = (section: SectionBuilder, bytes: Uint8Array, order: ByteOrder): AssembledSection => {
  const { name, executable } = section;
  if (executable && bytes.length % SLOT_SIZE !== 0) {
    throw new AsmError(
      "BAD_LENGTH",
      `section ${name} holds code, and its ${bytes.length} bytes are no whole instructions`,
    );
  }
  const instructions = executable ? decode(bytes, order) : [];
  const lines = new Array<number>(instructions.length).fill(0);
  for (const { offset, line } of section.lines) lines[offset / SLOT_SIZE] = line;
  return { name, executable, bytes, instructions, lines };
};

/** The same error, which also names the file. */
const inFile = ({ code, message, place, text, hint }: AsmError, file: string): AsmError =>
  new AsmError(code, `${file}:${place === undefined ? " " : ""}${message}`, {
    place: { ...place, file },
    ...(text !== undefined && { text }),
    ...(hint !== undefined && { hint }),
  });

/**
 * Assembles a text.
 *
 * @throws AsmError with line and column, `SYNTAX`, `UNKNOWN_MNEMONIC`, `OUT_OF_RANGE`, `UNDEFINED_SYMBOL`,
 *   `DUPLICATE_SYMBOL` or `CPU_VERSION`; `BAD_LENGTH` when data in code is no number of instructions.
 *
 * @example
 * assemble("mov %r0, 2\nexit", { dialect: "ubpf" }).sections[0]?.instructions.length; // 2
 */
export const assemble = (text: string, options: AssembleOptions): Assembly => {
  try {
    const assembler = new Assembler(options);
    for (const tokens of assembler.dialect.lexer.statements(text)) assembler.statement(tokens);
    return assembler.finish();
  } catch (error) {
    throw error instanceof AsmError && options.file !== undefined ? inFile(error, options.file) : error;
  }
};
