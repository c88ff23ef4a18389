import type { Cursor } from "../text/cursor.js";
import { type Expression, type ExpressionScope, parseExpression } from "../text/expression.js";
import { errorAt, type Token } from "../text/lexer.js";
import type { SymbolBinding, SymbolType } from "./assembly.js";
import type { SectionBuilder } from "./section.js";
import type { SymbolTable } from "./symbols.js";

/** What a directive may read and change. */
export interface DirectiveContext {
  readonly symbols: SymbolTable;
  readonly section: SectionBuilder;
  readonly scope: ExpressionScope;
  /** Continues another section. */
  enter(name: string, executable: boolean): void;
  /** Puts a value of 1 to 8 bytes here, computed when all labels are known. */
  data(size: number, value: Expression, token: Token): void;
}

type Directive = (context: DirectiveContext, cursor: Cursor, token: Token) => void;

const syntaxError = (cursor: Cursor, expected: string) =>
  errorAt("SYNTAX", cursor.peek() ?? cursor.tokens.at(-1)!, `expected ${expected}`);

const expression = (cursor: Cursor, context: DirectiveContext): { value: Expression; token: Token } => {
  const token = cursor.peek();
  const value = parseExpression(cursor, context.scope);
  if (value === undefined || token === undefined) throw syntaxError(cursor, "an expression");
  return { value, token };
};

/** An expression whose value is known here and now. */
const known = (cursor: Cursor, context: DirectiveContext): number => {
  const { value, token } = expression(cursor, context);
  const { base, constant } = context.symbols.evaluate(value, token);
  if (base !== undefined) throw errorAt("SYNTAX", token, "expected a plain number");
  return Number(constant);
};

const name = (cursor: Cursor): Token => {
  const token = cursor.next();
  if (token === undefined) throw syntaxError(cursor, "a name");
  if (token.kind === "string") return { ...token, kind: "word", text: token.text.slice(1, -1) };
  if (token.kind !== "word" && token.kind !== "register") throw errorAt("SYNTAX", token, "expected a name");
  return token;
};

const comma = (cursor: Cursor): void => {
  if (!cursor.take(",")) throw syntaxError(cursor, "a comma");
};

/** Reads `item, item, …` up to the end of the statement. */
const list = (cursor: Cursor, item: () => void): void => {
  if (cursor.done) return;
  do item();
  while (cursor.take(","));
};

/** A section's name may hold any character, as in `.section tracepoint/syscalls/sys_enter,"ax",@progbits`. */
const sectionName = (cursor: Cursor): string => {
  if (cursor.peek()?.kind === "string") return name(cursor).text;
  let text = "";
  while (!cursor.done && cursor.peek()?.text !== ",") text += cursor.next()!.text;
  if (text === "") throw syntaxError(cursor, "the name of a section");
  return text;
};

const enterSection: Directive = (context, cursor) => {
  const section = sectionName(cursor);
  const flags = cursor.take(",") ? cursor.next() : undefined;
  // The rest says how the section is stored, which the bytes don't depend on.
  cursor.at = cursor.tokens.length;
  context.enter(section, flags?.text.includes("x") ?? /^\.text\b/.test(section));
};

const enter =
  (section: string, executable: boolean): Directive =>
  (context) =>
    context.enter(section, executable);

const data =
  (size: number): Directive =>
  (context, cursor) =>
    list(cursor, () => {
      const { value, token } = expression(cursor, context);
      context.data(size, value, token);
    });

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

/** The bytes of a quoted text with the escapes of C: `\n`, `\377`, `\x7f`. */
const stringBytes = (token: Token): Uint8Array => {
  const bytes: number[] = [];
  const pieces = token.text.slice(1, -1).matchAll(/\\([0-7]{1,3})|\\x([0-9a-fA-F]{1,2})|\\(.)|([^\\]+)/gsu);
  for (const [, octal, hex, escaped, plain] of pieces) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 255);
    else if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else for (const byte of new TextEncoder().encode(plain ?? ESCAPES[escaped!] ?? escaped!)) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
};

const text =
  (terminated: boolean): Directive =>
  (context, cursor) =>
    list(cursor, () => {
      const token = cursor.next();
      if (token?.kind !== "string") throw syntaxError(cursor, "a quoted text");
      context.section.writer.raw(stringBytes(token));
      if (terminated) context.section.writer.u8(0);
    });

const space: Directive = (context, cursor, token) => {
  const size = known(cursor, context);
  const fill = cursor.take(",") ? known(cursor, context) : 0;
  if (size < 0 || fill !== 0) throw errorAt("SYNTAX", token, "only a positive number of zero bytes can be put here");
  context.section.reserve(size, token);
};

const align =
  (bytesOf: (argument: number) => number): Directive =>
  (context, cursor, token) => {
    const alignment = bytesOf(known(cursor, context));
    // Fill value and limit make no difference: code has no alignment to lose.
    cursor.at = cursor.tokens.length;
    if (!Number.isInteger(alignment) || alignment < 1 || alignment > 0x10000) {
      throw errorAt("OUT_OF_RANGE", token, "an alignment is between 1 and 65536 bytes");
    }
    const { size } = context.section;
    context.section.reserve((alignment - (size % alignment)) % alignment, token);
  };

const uleb128: Directive = (context, cursor, directive) =>
  list(cursor, () => {
    let value = known(cursor, context);
    if (value < 0) throw errorAt("OUT_OF_RANGE", directive, "a ULEB128 is not negative");
    do {
      context.section.writer.u8((value % 128) | (value >= 128 ? 128 : 0));
      value = Math.floor(value / 128);
    } while (value > 0);
  });

const bind =
  (binding: SymbolBinding): Directive =>
  (context, cursor) =>
    list(cursor, () => {
      context.symbols.entry(name(cursor).text).binding = binding;
    });

const TYPES: Readonly<Record<string, SymbolType>> = { function: "function", object: "object" };

const type: Directive = (context, cursor) => {
  const symbol = context.symbols.entry(name(cursor).text);
  comma(cursor);
  if (!cursor.take("@")) cursor.take("%");
  symbol.type = TYPES[name(cursor).text] ?? "none";
};

const size: Directive = (context, cursor) => {
  const symbol = context.symbols.entry(name(cursor).text);
  comma(cursor);
  symbol.size = expression(cursor, context);
};

/** What other dialects call registers. */
const REGISTER_NAME = /^[rw](\d|10)$/;

/** Gives a name a value: `.set NAME, VALUE` or `NAME = VALUE`. */
export const equate: Directive = (context, cursor) => {
  const symbol = name(cursor);
  if (REGISTER_NAME.test(symbol.text)) {
    throw errorAt(
      "SYNTAX",
      symbol,
      `${symbol.text} is a register's name, and would hide an instruction of another dialect`,
    );
  }
  if (!cursor.take("=")) comma(cursor);
  const { value, token } = expression(cursor, context);
  context.symbols.equate(symbol, value, token);
};

const ignore: Directive = (_context, cursor) => {
  cursor.at = cursor.tokens.length;
};

/** The same directive under several names. */
const all = (words: string, directive: Directive): [string, Directive][] =>
  words.split(" ").map((word) => [word, directive]);

const DIRECTIVES: ReadonlyMap<string, Directive> = new Map([
  ...all(".section", enterSection),
  ...all(".text", enter(".text", true)),
  ...all(".data", enter(".data", false)),
  ...all(".bss", enter(".bss", false)),
  ...all(".rodata", enter(".rodata", false)),
  ...all(".byte", data(1)),
  ...all(".2byte .short .hword .half", data(2)),
  ...all(".4byte .long .int .word", data(4)),
  ...all(".8byte .quad .dword", data(8)),
  ...all(".ascii", text(false)),
  ...all(".asciz .string", text(true)),
  ...all(".zero .skip .space", space),
  ...all(
    ".p2align",
    align((power) => 2 ** power),
  ),
  ...all(
    ".align .balign",
    align((bytes) => bytes),
  ),
  ...all(".uleb128", uleb128),
  ...all(".globl .global", bind("global")),
  ...all(".weak", bind("weak")),
  ...all(".local", bind("local")),
  ...all(".type", type),
  ...all(".size", size),
  ...all(".set .equ", equate),
  // What says nothing about bytes or symbols.
  ...all(".file .loc .ident .addrsig .addrsig_sym .hidden .protected .internal", ignore),
  ...all(".cfi_sections .cfi_startproc .cfi_endproc .cfi_def_cfa .cfi_offset", ignore),
]);

/**
 * Carries out one directive; the cursor stands behind its name.
 *
 * @throws AsmError `UNKNOWN_MNEMONIC` for a directive that is not known, `SYNTAX` for operands that it does not take.
 */
export const runDirective: Directive = (context, cursor, token) => {
  const directive = DIRECTIVES.get(token.text);
  if (directive === undefined) throw errorAt("UNKNOWN_MNEMONIC", token, `there is no directive ${token.text} here`);
  directive(context, cursor, token);
  const extra = cursor.peek();
  if (extra !== undefined) throw errorAt("SYNTAX", extra, `"${extra.text}" is more than ${token.text} takes`);
};
