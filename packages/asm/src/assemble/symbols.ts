import { applyBinary, applyUnary, type Expression } from "../text/expression.js";
import { errorAt, type Token } from "../text/lexer.js";
import type { SymbolBinding, SymbolType } from "./assembly.js";

/** Where a value that is no plain number starts from. */
export interface Base {
  /** The symbol, unless it is a bare place such as `.`. */
  readonly name: string | undefined;
  /** `undefined` for a symbol that isn't defined in this text. */
  readonly section: string | undefined;
  readonly offset: number;
}

/** The value of an expression: a number, added to a base when there is one. */
export interface Value {
  readonly base: Base | undefined;
  readonly constant: bigint;
}

/** An expression and where it stands in the text. */
export interface Located {
  readonly value: Expression;
  readonly token: Token;
}

interface Entry {
  readonly name: string;
  section: string | undefined;
  offset: number;
  /** From `.size`. */
  size: Located | undefined;
  binding: SymbolBinding;
  type: SymbolType;
  /** For `.set`: what the name stands for. */
  equated: Located | undefined;
}

/** Longest chain of names that stand for names. */
const MAX_CHAIN = 64;

const absolute = (constant: bigint): Value => ({ base: undefined, constant });

/** The labels and names of one text, and the values of expressions over them. */
export class SymbolTable {
  readonly #entries = new Map<string, Entry>();
  /** How often each local label such as `1:` was defined so far. */
  readonly #localCounts = new Map<string, number>();
  /** The values of names that were asked for. They hold for good: no name is ever defined twice. */
  readonly #values = new Map<string, Value>();
  #chain = 0;
  #isComplete = false;

  /** Says that the whole text was read, so that a name which is not defined by now never will be. */
  complete(): void {
    this.#isComplete = true;
  }

  /** Every name that was defined, declared or used. */
  entries(): Iterable<Readonly<Entry>> {
    return this.#entries.values();
  }

  /** The entry of a name, made when it is new. */
  entry(name: string): Entry {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const made: Entry = {
      name,
      section: undefined,
      offset: 0,
      size: undefined,
      binding: "local",
      type: "none",
      equated: undefined,
    };
    this.#entries.set(name, made);
    return made;
  }

  /** True when the text gives the name a place or a value. */
  isDefined(name: string): boolean {
    const entry = this.#entries.get(name);
    return entry !== undefined && (entry.section !== undefined || entry.equated !== undefined);
  }

  /**
   * Puts a label at a place. A label of digits only can be defined many times.
   *
   * @throws AsmError `DUPLICATE_SYMBOL` when the name has a place or value already.
   */
  define(token: Token, section: string, offset: number): void {
    const name = token.kind === "number" ? this.#nextLocal(token.text) : token.text;
    if (this.isDefined(name)) throw errorAt("DUPLICATE_SYMBOL", token, `${name} is defined twice`);
    Object.assign(this.entry(name), { section, offset });
  }

  #nextLocal(digits: string): string {
    const count = (this.#localCounts.get(digits) ?? 0) + 1;
    this.#localCounts.set(digits, count);
    return localName(digits, count);
  }

  /**
   * Lets a name stand for an expression.
   *
   * @throws AsmError `DUPLICATE_SYMBOL` when the name has a place or value already.
   */
  equate(name: Token, value: Expression, token: Token): void {
    if (this.isDefined(name.text)) throw errorAt("DUPLICATE_SYMBOL", name, `${name.text} is defined twice`);
    this.entry(name.text).equated = { value, token };
  }

  /** The name that `1b` (the last `1:` so far) or `1f` (the next one) stands for. */
  local(reference: string): string | undefined {
    const digits = reference.slice(0, -1);
    const count = this.#localCounts.get(digits) ?? 0;
    if (reference.endsWith("f")) return localName(digits, count + 1);
    return count === 0 ? undefined : localName(digits, count);
  }

  /**
   * Computes an expression. Before the text is complete, it can only use names that are defined already.
   *
   * @throws AsmError `SYNTAX` when it has no value: a division by zero, a product of addresses, names in a circle;
   *   `UNDEFINED_SYMBOL` when it uses a name too early.
   */
  evaluate(expression: Expression, at: Token): Value {
    switch (expression.kind) {
      case "number":
        return absolute(expression.value);
      case "place":
        return { base: { name: undefined, section: expression.section, offset: expression.offset }, constant: 0n };
      case "symbol":
        return this.#symbolValue(expression.name, at);
      case "unary": {
        const operand = this.evaluate(expression.operand, at);
        if (operand.base !== undefined && expression.operator !== "+") throw notAbsolute(at, expression.operator);
        return { base: operand.base, constant: applyUnary(expression.operator, operand.constant) };
      }
      case "binary":
        return combine(
          expression.operator,
          this.evaluate(expression.left, at),
          this.evaluate(expression.right, at),
          at,
        );
    }
  }

  #symbolValue(name: string, at: Token): Value {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    if (!this.#isComplete && !this.isDefined(name)) {
      throw errorAt("UNDEFINED_SYMBOL", at, `${name} is not defined before this line`);
    }
    const value = this.#freshValue(name, at);
    this.#values.set(name, value);
    return value;
  }

  #freshValue(name: string, at: Token): Value {
    const entry = this.#entries.get(name);
    if (entry?.equated === undefined) {
      return { base: { name, section: entry?.section, offset: entry?.offset ?? 0 }, constant: 0n };
    }
    if (this.#chain >= MAX_CHAIN) {
      throw errorAt("SYNTAX", at, `${name} stands for itself or for too long a chain of names`);
    }
    this.#chain++;
    try {
      return this.evaluate(entry.equated.value, at);
    } finally {
      this.#chain--;
    }
  }
}

/** No name in a text can contain the end of a line, quoted or not, so these clash with none. */
const localName = (digits: string, count: number) => `${digits}\n${count}`;

/** True for names that stay inside of the assembler: local labels, and labels that begin with `.L`. */
export const isPrivateName = (name: string): boolean => name.startsWith(".L") || name.includes("\n");

/** A name as the text has it. */
export const displayName = (name: string): string => name.split("\n")[0]!;

const notAbsolute = (at: Token, operator: string) =>
  errorAt("SYNTAX", at, `"${operator}" needs plain numbers, and this depends on where a symbol is placed`);

const combine = (operator: string, left: Value, right: Value, at: Token): Value => {
  if (operator === "-" && left.base !== undefined && right.base !== undefined) return difference(left, right, at);
  if (right.base !== undefined && !(operator === "+" && left.base === undefined)) throw notAbsolute(at, operator);
  if (left.base !== undefined && operator !== "+" && operator !== "-") throw notAbsolute(at, operator);
  const constant = applyBinary(operator, left.constant, right.constant);
  if (constant === undefined) throw errorAt("SYNTAX", at, "division by zero");
  return { base: left.base ?? right.base, constant };
};

const difference = (left: Value, right: Value, at: Token): Value => {
  const [a, b] = [left.base!, right.base!];
  const sameSection = a.section !== undefined && a.section === b.section;
  const sameUnknown = a.section === undefined && b.section === undefined && a.name === b.name;
  if (!sameSection && !sameUnknown)
    throw errorAt("SYNTAX", at, "the difference of symbols in different sections is not known");
  const bases = BigInt(a.offset) - BigInt(b.offset);
  return absolute(BigInt.asIntN(64, bases + left.constant - right.constant));
};
